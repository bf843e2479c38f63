//! Benchmarks of the wire format: `cargo bench --manifest-path benches/peers/Cargo.toml --bench wire`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hangup::h1::{HeadScanner, Limits, chunked, write_response_head};
use hangup::http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use peers::samples;

fn heads(c: &mut Criterion) {
    let limits = Limits::default();
    let mut group = c.benchmark_group("head");
    for (name, head) in
        [("request, small", samples::SMALL_REQUEST), ("request, browser", samples::BROWSER_REQUEST)]
    {
        group.throughput(Throughput::Bytes(head.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| HeadScanner::default().request(black_box(head), &limits).unwrap());
        });
    }
    group.throughput(Throughput::Bytes(samples::RESPONSE.len() as u64));
    group.bench_function("response", |b| {
        b.iter(|| HeadScanner::default().response(black_box(samples::RESPONSE), &limits).unwrap());
    });
    group.finish();
}

fn writing(c: &mut Criterion) {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("2"));
    let mut out = Vec::new();
    c.bench_function("response written", |b| {
        b.iter(|| {
            out.clear();
            let version = black_box(Version::HTTP_11);
            write_response_head(&mut out, version, StatusCode::OK, None, &headers).unwrap();
        });
    });
}

fn chunks(c: &mut Criterion) {
    let mut group = c.benchmark_group("64 chunks of 1 KiB");
    group.throughput(Throughput::Bytes(64 * 1024));
    let body = samples::chunked_body(64);
    group.bench_function("taken apart", |b| b.iter(|| samples::decode(black_box(&body))));
    let mut out = Vec::new();
    group.bench_function("written", |b| {
        b.iter(|| {
            out.clear();
            for _ in 0..64 {
                chunked::write_chunk(&mut out, black_box(&[b'x'; 1024]));
            }
        });
    });
    group.finish();
}

criterion_group!(wire, heads, writing, chunks);
criterion_main!(wire);
