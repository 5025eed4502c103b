//! Reading a body, within bounds of size, time and memory.
//!
//! May import: std, hyper, http-body-util, tokio, the module's own.

use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::settings::Limits;
use crate::api::ApiError;

/// Longer bodies count as large: there can be few of them at a time.
const SMALL: usize = 64 << 10;
/// So much of a body that is too long is read, and thrown away, so that the client, which may not
/// listen before it has sent all, gets its answer.
const DRAINED: usize = 16 << 20;

/// Reads a whole body. The permit, if it is a large one, goes with its bytes.
///
/// After an error the connection is of no more use.
pub(super) async fn read<'s, B>(
    body: B,
    limits: &Limits,
    large: &'s Semaphore,
) -> Result<(Vec<u8>, Option<SemaphorePermit<'s>>), ApiError>
where
    B: Body<Data = Bytes> + Unpin,
{
    timeout(limits.body_time, read_all(body, limits.body_bytes, large))
        .await
        .unwrap_or_else(|_| {
            Err(ApiError::new(
                408,
                "RequestTimeout",
                "The request's body did not come in time.",
            ))
        })
}

async fn read_all<B>(
    mut body: B,
    most: usize,
    large: &Semaphore,
) -> Result<(Vec<u8>, Option<SemaphorePermit<'_>>), ApiError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut bytes = Vec::new();
    let mut permit = None;
    let mut count = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            ApiError::new(
                400,
                "InvalidRequest",
                "The request's body is not what its headers say.",
            )
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        count += data.len();
        if count > most {
            bytes = Vec::new();
            permit = None;
            if count > DRAINED {
                break;
            }
            continue;
        }
        if count > SMALL && permit.is_none() {
            let granted = large.acquire().await;
            permit = Some(granted.map_err(|_| ApiError::internal())?);
        }
        bytes.extend_from_slice(&data);
    }
    if count > most {
        return Err(ApiError::new(
            413,
            "RequestBodyTooLarge",
            format!("The request's body has more than {most} bytes."),
        ));
    }
    Ok((bytes, permit))
}
