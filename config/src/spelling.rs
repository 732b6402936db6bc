//! The word that somebody probably meant.

/// The word nearest to what was typed, if it is near enough to be meant.
pub(crate) fn nearest<'w>(typed: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    words
        .map(|word| (distance(typed, word), word))
        .filter(|(distance, word)| {
            let begun = typed.len() > 3 && word.starts_with(typed);
            begun || *distance <= (word.chars().count() + 1) / 3
        })
        .min()
        .map(|(_, word)| word)
}

/// How many letters have to be put in, taken out or changed, or neighbours swapped.
fn distance(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.to_lowercase().chars().collect();
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let changed = usize::from(one[i - 1] != other[j - 1]);
            let mut best = (rows[i - 1][j] + 1)
                .min(row[j - 1] + 1)
                .min(rows[i - 1][j - 1] + changed);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood_and_another_word_is_not() {
        let words = ["listen", "public_url", "trusted_proxies"];
        let meant = |typed| nearest(typed, words.into_iter());
        assert_eq!(meant("lsiten"), Some("listen"));
        assert_eq!(meant("Listen"), Some("listen"));
        assert_eq!(meant("trusted_proxy"), Some("trusted_proxies"));
        assert_eq!(meant("public-url"), Some("public_url"));
        assert_eq!(meant("trusted"), Some("trusted_proxies"));
        assert_eq!(meant("colour"), None);
        assert_eq!(meant(""), None);
    }
}
