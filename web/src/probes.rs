//! Whether the process lives, and whether it can work: for load balancers and monitors.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use clavis_broker::service::Broker;

use crate::app::App;

const READY: (StatusCode, &str) = (StatusCode::OK, "ready\n");

pub(crate) async fn alive() -> &'static str {
    "alive\n"
}

/// Ready once the store answers: without it nothing can be released.
pub(crate) async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    answer(&app.broker).await
}

/// Ready once all of them are.
pub(crate) async fn all_ready(brokers: &[Arc<Broker>]) -> (StatusCode, &'static str) {
    for broker in brokers {
        let answer = answer(broker).await;
        if answer.0 != StatusCode::OK {
            return answer;
        }
    }
    READY
}

async fn answer(broker: &Broker) -> (StatusCode, &'static str) {
    match broker.store().next_due().await {
        Ok(_) => READY,
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
