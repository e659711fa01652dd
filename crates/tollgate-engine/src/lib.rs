//! From policy XML to a compiled pipeline; the ports it runs against.

pub mod read;
