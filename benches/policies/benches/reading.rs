//! From text to compiled pipelines: single documents, and whole directories as `tollgate check` reads them.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tollgate_bench_policies::{World, fifteen, load, write_directory};
use tollgate_engine::Scope;

fn documents(criterion: &mut Criterion) {
    let world = World::default();
    let mut group = criterion.benchmark_group("document");
    for policies in [15, 150, 1_500] {
        let text = fifteen("global", policies / 15);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::new("policies", policies), |bencher| {
            bencher
                .iter(|| world.compile(black_box(&[(Scope::Global, &text)])).expect("it compiles"));
        });
    }
    group.finish();
}

fn directories(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("directory");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for documents in [1, 30, 300, 1_000] {
        let folder = tempfile::tempdir().expect("a folder");
        write_directory(folder.path(), documents).expect("a directory");
        group.throughput(Throughput::Elements(documents as u64));
        group.bench_function(BenchmarkId::new("documents", documents), |bencher| {
            bencher.iter(|| load(black_box(folder.path())).expect("it loads"));
        });
    }
    group.finish();
}

criterion_group!(benches, documents, directories);
criterion_main!(benches);
