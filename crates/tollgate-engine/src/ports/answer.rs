//! Answers that may be at hand.

use crate::BoxFuture;

/// What a port answers: at once when it can, so that memory costs no future.
pub enum Answer<'a, T> {
    /// The answer.
    Ready(T),
    /// It has to be waited for.
    Pending(BoxFuture<'a, T>),
}

impl<T> std::fmt::Debug for Answer<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ready(_) => "Ready",
            Self::Pending(_) => "Pending",
        })
    }
}

impl<T> Answer<'_, T> {
    /// Waits for the answer, if that is needed.
    pub async fn get(self) -> T {
        match self {
            Self::Ready(answer) => answer,
            Self::Pending(answer) => answer.await,
        }
    }
}
