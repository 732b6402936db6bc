//! Whether the process lives, and whether it can work: for load balancers and monitors.

use axum::extract::State;
use axum::http::StatusCode;

use crate::app::App;

pub(crate) async fn alive() -> &'static str {
    "alive\n"
}

/// Ready once the store answers: without it nothing can be released.
pub(crate) async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    match app.broker.store().next_due().await {
        Ok(_) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::warn!(error, "the store does not answer the readiness probe");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the store does not answer\n",
            )
        }
    }
}
