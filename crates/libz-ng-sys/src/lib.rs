//! The part of zlib-ng's C interface that flate2 uses, implemented by zlib-rs.
//!
//! pingora-core asks flate2 for zlib-ng, whose build needs cmake. A gateway that builds with a Rust toolchain alone is
//! worth more to its users than the last percent of inflate speed, so `[patch.crates-io]` puts this crate in its place.
//!
//! This is the only crate with unsafe code: it forwards calls across the same C interface, between two structures of
//! the same layout.
#![expect(
    non_camel_case_types,
    non_snake_case,
    clippy::missing_safety_doc,
    reason = "these are zlib's names and contracts"
)]

use core::ffi::{c_char, c_int, c_void};

pub use libz_rs_sys::{
    Z_BLOCK, Z_BUF_ERROR, Z_DATA_ERROR, Z_DEFAULT_STRATEGY, Z_DEFLATED, Z_FINISH, Z_FULL_FLUSH,
    Z_MEM_ERROR, Z_NEED_DICT, Z_NO_FLUSH, Z_OK, Z_PARTIAL_FLUSH, Z_STREAM_END, Z_STREAM_ERROR,
    Z_SYNC_FLUSH, uInt, uLong, zlibVersion,
};

/// Untyped memory.
pub type voidpf = *mut c_void;
/// A byte.
pub type Bytef = u8;
/// Allocates `items` times `size` bytes.
pub type alloc_func = extern "C" fn(opaque: voidpf, items: uInt, size: uInt) -> voidpf;
/// Frees what [`alloc_func`] gave.
pub type free_func = extern "C" fn(opaque: voidpf, address: voidpf);
/// State of the implementation.
pub enum internal_state {}
/// A stream.
pub type z_streamp = *mut z_stream;

/// A stream, as zlib lays it out. Function pointers may not be null here and may there, which is the same layout.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct z_stream {
    /// Next input byte.
    pub next_in: *mut Bytef,
    /// Input bytes left.
    pub avail_in: uInt,
    /// Input bytes read so far.
    pub total_in: uLong,
    /// Next output byte.
    pub next_out: *mut Bytef,
    /// Room left for output.
    pub avail_out: uInt,
    /// Output bytes written so far.
    pub total_out: uLong,
    /// Last error.
    pub msg: *mut c_char,
    /// State of the implementation.
    pub state: *mut internal_state,
    /// Allocates the state.
    pub zalloc: alloc_func,
    /// Frees the state.
    pub zfree: free_func,
    /// Given to both.
    pub opaque: voidpf,
    /// Guess at the kind of data.
    pub data_type: c_int,
    /// Checksum.
    pub adler: uLong,
    /// Unused.
    pub reserved: uLong,
}

const _: () = assert!(size_of::<z_stream>() == size_of::<libz_rs_sys::z_stream>());
const _: () = assert!(align_of::<z_stream>() == align_of::<libz_rs_sys::z_stream>());

macro_rules! forward {
    ($($name:ident($stream:ident $(, $argument:ident: $type:ty)*);)*) => {$(
        /// Forwards to zlib-rs under zlib's own contract.
        pub unsafe extern "C" fn $name($stream: z_streamp $(, $argument: $type)*) -> c_int {
            // SAFETY: the caller upholds zlib's contract for this function, and both stream types have one layout.
            unsafe { libz_rs_sys::$name($stream.cast() $(, $argument)*) }
        }
    )*};
}

forward! {
    deflate(stream, flush: c_int);
    deflateEnd(stream);
    deflateReset(stream);
    deflateParams(stream, level: c_int, strategy: c_int);
    deflateSetDictionary(stream, dictionary: *const Bytef, length: uInt);
    deflateInit2_(stream, level: c_int, method: c_int, bits: c_int, memory: c_int, strategy: c_int, version: *const c_char, size: c_int);
    inflate(stream, flush: c_int);
    inflateEnd(stream);
    inflateReset(stream);
    inflateReset2(stream, bits: c_int);
    inflateSetDictionary(stream, dictionary: *const Bytef, length: uInt);
    inflateInit2_(stream, bits: c_int, version: *const c_char, size: c_int);
}
