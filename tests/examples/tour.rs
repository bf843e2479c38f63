use crate::programs::run;

#[test]
fn every_step_does_what_it_says() {
    let tour = run("tour", &[]);
    assert_eq!(tour.code, Some(0), "{tour:?}");
    let steps = if cfg!(feature = "tls") { 9 } else { 8 };
    assert!(tour.out.contains(&format!("All {steps} steps")), "{tour:?}");
    for sign in ["TLSv1.3 TLS_AES_256_GCM_SHA384 in ", "the session resumed: "] {
        assert_eq!(tour.out.contains(sign), cfg!(feature = "tls"), "{sign}: {tour:?}");
    }
    assert!(!tour.out.contains("FAILED"), "{tour:?}");
}
