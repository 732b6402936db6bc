//! Tokens of programs, and what those were answered.

use std::sync::Arc;

use super::{at, commit, conflict, open, party, pending, token};
use crate::ports::{Answered, Store, Write};
use crate::programs::{ProgramName, ProgramToken, Scope};

fn name(text: &str) -> ProgramName {
    ProgramName::parse(text).expect("a name")
}

fn token_of(program: &str, number: u8) -> ProgramToken {
    ProgramToken {
        token: token(number),
        name: name(program),
        scopes: Scope::ALL[..=usize::from(number % 5)].to_vec(),
        person: number.is_multiple_of(2).then(|| party("boss")),
        made_at: at(0),
        ends_at: at(600),
        used_on: None,
    }
}

fn make(token: &ProgramToken) -> Vec<Write> {
    vec![Write::MakeToken(Box::new(token.clone()))]
}

/// A token is found by its hash alone; neither it nor the name of its program is given twice.
pub async fn a_token_is_its_programs_alone(store: Arc<dyn Store>) {
    let (one, two) = (token_of("snow", 1), token_of("desk", 2));
    commit(&*store, make(&one)).await;
    commit(&*store, make(&two)).await;
    conflict(&*store, make(&token_of("other", 1)), "a known token").await;
    conflict(&*store, make(&token_of("snow", 3)), "a name that is taken").await;
    for known in [&one, &two] {
        let found = store.program_token(&known.token).await.unwrap();
        assert_eq!(found.as_ref(), Some(known));
    }
    assert_eq!(store.program_token(&token(3)).await.unwrap(), None);
    assert_eq!(store.program_tokens().await.unwrap(), [two, one]);
}

/// A token is used and ended; its name can be given anew afterwards.
pub async fn a_token_lasts_until_it_is_ended(store: Arc<dyn Store>) {
    let touch = || {
        vec![Write::TouchToken {
            token: token(1),
            day: at(60),
        }]
    };
    conflict(&*store, touch(), "using no token").await;
    let mine = token_of("snow", 1);
    commit(&*store, make(&mine)).await;
    commit(&*store, touch()).await;
    let used = ProgramToken {
        used_on: Some(at(60)),
        ..mine
    };
    assert_eq!(store.program_token(&token(1)).await.unwrap(), Some(used));
    let end = || vec![Write::EndToken(name("snow"))];
    commit(&*store, end()).await;
    assert_eq!(store.program_token(&token(1)).await.unwrap(), None);
    conflict(&*store, end(), "ending no token").await;
    conflict(&*store, touch(), "using an ended token").await;
    commit(&*store, make(&token_of("snow", 2))).await;
}

/// Tokens in a person's name end at once, and nobody else's do.
pub async fn tokens_end_for_one_person_alone(store: Arc<dyn Store>) {
    let of_anna = ProgramToken {
        person: Some(party("anna")),
        ..token_of("annas", 4)
    };
    let others = [token_of("bosss", 2), token_of("nobodys", 1)];
    for token in others.iter().chain([&of_anna]) {
        commit(&*store, make(token)).await;
    }
    for _ in 0..2 {
        commit(&*store, vec![Write::EndTokensOf(party("anna").id)]).await;
        assert_eq!(store.program_tokens().await.unwrap(), others);
    }
}

/// An answer is kept once for a program and its key, and forgotten after its time.
pub async fn an_answer_is_kept_once_and_then_forgotten(store: Arc<dyn Store>) {
    let request = pending(1, at(0), at(60));
    commit(&*store, vec![open(&request)]).await;
    let answered = |program: &str, key| Answered {
        program: name(program),
        key: token(key),
        asked: token(9),
        request: request.id,
        until: at(60),
    };
    let keep = |answered: Answered| vec![Write::KeepAnswer(Box::new(answered))];
    commit(&*store, keep(answered("snow", 1))).await;
    let other = Answered {
        asked: token(8),
        until: at(90),
        ..answered("snow", 1)
    };
    conflict(&*store, keep(other), "a key that was used").await;
    commit(&*store, keep(answered("desk", 1))).await;
    commit(&*store, keep(answered("snow", 2))).await;
    let kept = async |program: &str, key| {
        let found = store.answered(&name(program), &token(key)).await;
        found.unwrap()
    };
    assert_eq!(kept("snow", 1).await, Some(answered("snow", 1)));
    assert_eq!(kept("desk", 2).await, None);
    store.forget_ended(at(60)).await.unwrap();
    assert!(kept("snow", 1).await.is_some());
    store.forget_ended(at(61)).await.unwrap();
    assert_eq!(kept("snow", 1).await, None);
    // The key may be used again.
    commit(&*store, keep(answered("snow", 1))).await;
}
