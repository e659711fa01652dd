//! One file per APIM policy, and the registry.
