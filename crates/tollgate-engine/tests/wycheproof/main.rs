//! The Wycheproof vectors, when `TOLLGATE_WYCHEPROOF` names their directory.
//!
//! The vectors are not part of this repository. Without the variable the test says so and passes; `.ci/run` sets it.

#[cfg(test)]
mod vectors;
