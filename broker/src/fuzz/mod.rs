//! Whatever is typed, mailed or sent, tried at random and led by what the code reaches: `tests/fuzz`.

mod keys;
mod names;
mod proofs;
mod rows;
mod tokens;
