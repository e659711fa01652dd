//! `RegexOptions`.

/// A set of options, with the numbers of .NET.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Options(i32);

impl Options {
    pub(crate) const IGNORE_CASE: Options = Options(1);
    pub(crate) const MULTILINE: Options = Options(2);
    pub(crate) const EXPLICIT_CAPTURE: Options = Options(4);
    pub(crate) const COMPILED: Options = Options(8);
    pub(crate) const SINGLELINE: Options = Options(16);
    pub(crate) const IGNORE_WHITESPACE: Options = Options(32);
    pub(crate) const RIGHT_TO_LEFT: Options = Options(64);
    pub(crate) const ECMA_SCRIPT: Options = Options(256);
    pub(crate) const CULTURE_INVARIANT: Options = Options(512);

    /// Options by number; none when .NET refuses them.
    pub(crate) fn from_number(number: i32) -> Option<Options> {
        const KNOWN: i32 = 0x3ff;
        const BESIDE_ECMA: i32 = Options::ECMA_SCRIPT.0
            | Options::IGNORE_CASE.0
            | Options::MULTILINE.0
            | Options::COMPILED.0
            | Options::CULTURE_INVARIANT.0;
        let options = Options(number);
        let allowed = if options.has(Options::ECMA_SCRIPT) { BESIDE_ECMA } else { KNOWN };
        (number & !allowed == 0).then_some(options)
    }

    #[inline]
    pub(crate) fn has(self, option: Options) -> bool {
        self.0 & option.0 != 0
    }

    pub(crate) fn with(self, option: Options) -> Options {
        Options(self.0 | option.0)
    }

    pub(crate) fn without(self, option: Options) -> Options {
        Options(self.0 & !option.0)
    }
}
