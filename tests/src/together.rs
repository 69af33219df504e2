//! Doing many things at once.

/// Runs all of these at once and returns what they return, in their order.
pub async fn together<T: Send + 'static>(
    futures: impl IntoIterator<Item: Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = futures.into_iter().map(tokio::spawn).collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.expect("a failed task fails the test"));
    }
    results
}

/// Asks again and again until the answer is yes; fails when [`crate::PATIENCE`] is over.
#[track_caller]
pub fn until<F: Future<Output = bool>>(
    what: &str,
    mut is_true: impl FnMut() -> F,
) -> impl Future<Output = ()> {
    let what = what.to_owned();
    async move {
        let asking = async {
            while !is_true().await {
                tokio::time::sleep(std::time::Duration::from_millis(25)).await;
            }
        };
        let ended = tokio::time::timeout(crate::PATIENCE, asking).await;
        ended.unwrap_or_else(|_| panic!("it does not become true that {what}"));
    }
}
