//! The shapes in criterion: one group each, one function a language.

use criterion::{Criterion, criterion_group, criterion_main};
use tollgate_bench_expressions::{Engine, SHAPES, runner};

fn shapes(criterion: &mut Criterion) {
    for shape in SHAPES {
        let mut group = criterion.benchmark_group(shape.name);
        for engine in Engine::ALL {
            match runner(engine, shape) {
                Ok(Some(mut run)) => {
                    group.bench_function(engine.name(), |bencher| bencher.iter(&mut run));
                }
                Ok(None) => {}
                Err(error) => eprintln!("{}: {error}", shape.name),
            }
        }
        group.finish();
    }
}

criterion_group!(benches, shapes);
criterion_main!(benches);
