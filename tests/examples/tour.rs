use crate::programs::run;

#[test]
fn every_step_does_what_it_says() {
    let tour = run("tour", &[]);
    assert_eq!(tour.code, Some(0), "{tour:?}");
    assert!(tour.out.contains("All 8 steps"), "{tour:?}");
    assert!(!tour.out.contains("FAILED"), "{tour:?}");
}
