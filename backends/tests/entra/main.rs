//! Entra ID and Graph as a double of them shows them, which `tests/entra/start` runs: its tokens
//! come from a real identity provider, and its Graph refuses what the real one refuses.

mod answers;
mod certificates;
mod credentials;
mod double;
mod escrow;
mod limits;
mod mail;
mod owners;
mod paging;
mod people;
mod rights;
mod rotation;
mod sign_in;
mod smtp;
mod tokens;
mod whose;
