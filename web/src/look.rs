//! The colour of an installation: on its pages by the style sheet, in its letters by these values,
//! since mail programs read no sheet.

/// A colour. Each is readable on light and on dark ground.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Colour {
    /// Blue.
    #[default]
    Blue,
    /// Green.
    Green,
    /// Teal.
    Teal,
    /// Violet.
    Violet,
    /// Wine red.
    Wine,
    /// Slate grey.
    Slate,
}

impl Colour {
    /// Its name in the style sheet.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
            Self::Teal => "teal",
            Self::Violet => "violet",
            Self::Wine => "wine",
            Self::Slate => "slate",
        }
    }

    /// For links and buttons on light ground.
    pub(crate) fn on_light(self) -> &'static str {
        match self {
            Self::Blue => "#17507d",
            Self::Green => "#1d5c3f",
            Self::Teal => "#0f5a63",
            Self::Violet => "#553a8c",
            Self::Wine => "#8a1f4b",
            Self::Slate => "#3a4656",
        }
    }

    /// For links and buttons on dark ground.
    pub(crate) fn on_dark(self) -> &'static str {
        match self {
            Self::Blue => "#8cc4ef",
            Self::Green => "#86d3ab",
            Self::Teal => "#7fd0da",
            Self::Violet => "#c3b0f2",
            Self::Wine => "#f2a3c0",
            Self::Slate => "#b7c4d4",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::STYLE;

    const ALL: [Colour; 6] = [
        Colour::Blue,
        Colour::Green,
        Colour::Teal,
        Colour::Violet,
        Colour::Wine,
        Colour::Slate,
    ];

    /// Relative luminance (WCAG 2.2).
    fn luminance(hex: &str) -> f64 {
        let part = |at: usize| {
            let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// The value of a property in the block that follows this selector.
    fn value(selector: &str, property: &str) -> String {
        let sheet = STYLE.content();
        let block = sheet.split_once(selector).expect(selector).1;
        let block = block.split_once('}').unwrap().0;
        let value = block.split_once(&format!("{property}:")).expect(property).1;
        value.split_once(';').unwrap().0.trim().to_owned()
    }

    #[test]
    fn every_colour_is_readable_and_is_one_on_pages_and_in_letters() {
        for colour in ALL {
            let light = format!("\n:root[data-colour=\"{}\"] {{", colour.name());
            let dark = format!("\n  :root[data-colour=\"{}\"] {{", colour.name());
            for (selector, accent, grounds) in [
                (&light, colour.on_light(), ["#ffffff", "#f4f6f8"]),
                (&dark, colour.on_dark(), ["#1a212a", "#10151b"]),
            ] {
                assert_eq!(value(selector, "--accent"), accent);
                let soft = value(selector, "--accent-soft");
                for ground in grounds.into_iter().chain([&*soft]) {
                    let ratio = contrast(accent, ground);
                    assert!(ratio >= 4.5, "{colour:?} on {ground}: {ratio}");
                }
                let ink = value(selector, "--accent-ink");
                assert!(contrast(accent, &ink) >= 4.5, "{colour:?} under {ink}");
            }
        }
    }
}
