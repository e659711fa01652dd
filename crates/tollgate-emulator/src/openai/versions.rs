//! `api-version`: which ones there are and what each style of path takes.

use crate::openai::errors::ApiError;
use crate::pairs::Pairs;

/// Dated versions that are in service.
const DATED: &[&str] = &[
    "2022-12-01",
    "2023-05-15",
    "2023-09-01-preview",
    "2023-12-01-preview",
    "2024-02-01",
    "2024-02-15-preview",
    "2024-03-01-preview",
    "2024-04-01-preview",
    "2024-05-01-preview",
    "2024-06-01",
    "2024-07-01-preview",
    "2024-08-01-preview",
    "2024-09-01-preview",
    "2024-10-01-preview",
    "2024-10-21",
    "2024-12-01-preview",
    "2025-01-01-preview",
    "2025-02-01-preview",
    "2025-03-01-preview",
    "2025-04-01-preview",
];
/// The first version with the Responses API.
const FIRST_RESPONSES: &str = "2025-03-01-preview";
/// The first version with the realtime API.
const FIRST_REALTIME: &str = "2024-10-01-preview";
/// Versions of the model inference style.
const INFERENCE: &[&str] = &["2024-05-01-preview", "2025-04-01"];
/// Versions of the v1 style; none is `v1`.
const V1: &[&str] = &["v1", "preview", "latest"];

/// The dated version that a classic path must come with.
pub(crate) fn classic(query: &Pairs) -> Result<String, ApiError> {
    let version = query.get("api-version").ok_or_else(ApiError::no_resource)?;
    known(version, DATED)
}

/// As [`classic`], for the Responses API.
pub(crate) fn responses(query: &Pairs) -> Result<String, ApiError> {
    let version = classic(query)?;
    // Dates sort as text.
    if version.as_str() < FIRST_RESPONSES {
        let message = "Azure OpenAI Responses API is enabled only for api-version 2025-03-01-preview and later";
        return Err(ApiError::front(hyper::StatusCode::BAD_REQUEST, "BadRequest", message));
    }
    Ok(version)
}

/// As [`classic`], for the realtime API.
pub(crate) fn realtime(query: &Pairs) -> Result<String, ApiError> {
    let version = classic(query)?;
    if version.as_str() < FIRST_REALTIME {
        Err(ApiError::version_not_supported())
    } else {
        Ok(version)
    }
}

/// The version of the v1 style, which may be left out but not dated.
pub(crate) fn v1(query: &Pairs) -> Result<String, ApiError> {
    query.get("api-version").map_or_else(|| Ok("v1".to_owned()), |version| known(version, V1))
}

/// The version of the model inference style.
pub(crate) fn inference(query: &Pairs) -> Result<String, ApiError> {
    let version = query.get("api-version").ok_or_else(ApiError::no_resource)?;
    known(version, INFERENCE)
}

/// The version of a Foundry project's own operations.
pub(crate) fn foundry(query: &Pairs) -> Result<String, ApiError> {
    let version = query.get("api-version").ok_or_else(|| {
        let message = "The api-version query parameter is required.";
        ApiError::front(hyper::StatusCode::BAD_REQUEST, "MissingApiVersionParameter", message)
    })?;
    known(version, &["v1", "2025-05-01", "2025-05-15-preview", "2025-11-15-preview"])
}

fn known(version: &str, versions: &[&str]) -> Result<String, ApiError> {
    if versions.contains(&version) {
        Ok(version.to_owned())
    } else {
        Err(ApiError::version_not_supported())
    }
}
