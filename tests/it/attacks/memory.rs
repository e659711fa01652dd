//! What the system lets the process do with its memory.

use crate::harness::{Call, Directory};

/// Programs that lay out or strip the binary can lose the header without which the threads' stacks are executable.
#[tokio::test(flavor = "multi_thread")]
async fn no_memory_is_writable_and_executable() {
    let gateway = Directory::new("[apis.a]\npath = \"a\"\nsubscription = \"optional\"\n")
        .api("a", "<policies><inbound><return-response /></inbound></policies>")
        .start();
    gateway.send(Call::get("/a")).await.expect(200);
    let maps = gateway.proc("maps");
    let permissions = |line: &&str| line.split(' ').nth(1).is_some_and(|it| it.contains("wx"));
    assert!(maps.contains(" r-xp "), "{maps}");
    assert_eq!(maps.lines().find(permissions), None);
}
