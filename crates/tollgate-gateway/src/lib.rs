//! pingora, routing, configuration, reload, adapters.
