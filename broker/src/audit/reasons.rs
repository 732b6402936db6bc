//! Why something was not done, as the log says it.

use serde::{Deserialize, Serialize};

/// Why personal fields were erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyErased {
    /// Somebody was to be forgotten.
    Person,
    /// They were older than personal fields are kept.
    Age,
}

/// Why no request was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNoRequest {
    /// No backend knows the device.
    UnknownDevice,
    /// Several devices go by that name; the person was asked which.
    Ambiguous,
    /// Nothing is escrowed for the device.
    NothingEscrowed,
    /// The key ID from the locked screen is not among the device's.
    WrongKeyId,
    /// Nobody may approve.
    NobodyToAsk,
    /// The policy that says who approves cannot be carried out.
    PolicyFault,
    /// The person's account is disabled or has no mail address.
    UnfitPerson,
    /// The account of whoever was to get the key is gone, disabled or has no mail address.
    UnfitBeneficiary,
    /// A backend or the directory did not answer.
    Unavailable,
    /// There is an open request for this device already.
    AlreadyOpen,
    /// The directory knows nobody by what the service desk says of the ticket's user.
    UnknownUser,
    /// What the service desk says of the ticket's user leads to several people.
    AmbiguousUser,
    /// The service desk does not say who raised the ticket for its user.
    UnknownAgent,
    /// The ticket names no asset.
    NoAsset,
    /// The ticket names several assets.
    SeveralAssets,
    /// The ticket's asset has nothing by which a device can be told for sure.
    UnknownAsset,
}

/// Why a program's token did not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNoToken {
    /// There is no such token, or no more.
    Unknown,
    /// Its time is over.
    Ended,
    /// It is not good for what was wanted.
    WrongScope,
    /// The account of the person whose it is, is gone, disabled or has no mail address.
    UnfitPerson,
}

/// Why a pick-up code did not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNoPickUp {
    /// No code was made yet.
    NoneMade,
    /// It is not the code.
    Wrong,
    /// Too many were tried from this address.
    TooMany,
}

/// Why a device was not told to make new keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNoRotation {
    /// The device is not managed by anything that could tell it.
    NotManaged,
    /// None of the backends that hold its keys has a way to ask for it.
    Unsupported,
}

/// Why a fetch brought no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FetchFault {
    /// The backend did not answer in time, or not sensibly.
    Unavailable,
    /// The directory did not answer, so that nobody knows whether the beneficiary may have a key.
    Directory,
    /// The backend refused.
    Denied,
    /// A promised key is no longer there.
    Missing,
    /// Every key that was promised is damaged.
    Damaged,
    /// The beneficiary's account is disabled or gone.
    Beneficiary,
    /// The service desk did not answer, so that nobody knows what became of the ticket.
    Desk,
}

/// Why somebody was not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNoSignIn {
    /// The directory knows nobody by that address, or several.
    UnknownAddress,
    /// The account is disabled or has no mail address.
    UnfitPerson,
    /// Too many codes were asked for.
    TooMany,
    /// No codes are sent any more.
    SwitchedOff,
    /// The code is not the one that was sent.
    WrongCode,
    /// The code, or the sign-in at a provider, has expired, was used, or was tried too often.
    Ended,
    /// The answer is not to what this browser asked.
    ForgedState,
    /// The answer came for another provider than the one that was asked.
    OtherProvider,
    /// The provider says that nobody signed in, or does not take the code.
    ProviderRefused,
    /// The answer, or what was signed, is from another issuer.
    WrongIssuer,
    /// What was signed is for another application.
    WrongAudience,
    /// What was signed was signed for another sign-in.
    WrongNonce,
    /// What was signed has expired, or is of another time.
    WrongTime,
    /// The signature is not by a key of the provider, or of a kind that is not taken.
    BadSignature,
    /// What the provider gave for the code cannot be understood.
    Nonsense,
    /// The claim by which people are looked up is missing, or cannot be one.
    NoClaim,
    /// The provider has not made sure that the mail address is the person's.
    UnverifiedMail,
    /// The directory knows nobody by what the provider or the proxy says, or several.
    UnknownPerson,
}
