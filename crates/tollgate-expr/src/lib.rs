//! C# policy expressions: parse, check, lower, evaluate.
