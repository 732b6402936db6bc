//! The files that pages load, under addresses that change with their content.

use std::sync::LazyLock;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};

pub(crate) struct Asset {
    path: LazyLock<String>,
    kind: &'static str,
    content: &'static str,
}

pub(crate) static STYLE: Asset = Asset {
    path: LazyLock::new(|| path("style", "css", STYLE.content)),
    kind: "text/css; charset=utf-8",
    content: include_str!("../assets/style.css"),
};

pub(crate) static COPY: Asset = Asset {
    path: LazyLock::new(|| path("copy", "js", COPY.content)),
    kind: "text/javascript; charset=utf-8",
    content: include_str!("../assets/copy.js"),
};

pub(crate) static ICON: Asset = Asset {
    path: LazyLock::new(|| path("icon", "svg", ICON.content)),
    kind: "image/svg+xml",
    content: include_str!("../assets/icon.svg"),
};

/// Every one of them.
pub(crate) static ALL: [&Asset; 3] = [&STYLE, &COPY, &ICON];

impl Asset {
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    #[cfg(test)]
    pub(crate) fn content(&self) -> &'static str {
        self.content
    }

    pub(crate) fn answer(&self) -> ([(HeaderName, &'static str); 2], &'static str) {
        let headers = [
            (CONTENT_TYPE, self.kind),
            (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        ];
        (headers, self.content)
    }
}

pub(crate) async fn robots() -> &'static str {
    "User-agent: *\nDisallow: /\n"
}

fn path(name: &str, ending: &str, content: &str) -> String {
    format!("/assets/{name}-{:016x}.{ending}", fnv(content.as_bytes()))
}

/// FNV-1a: tells one version of a file from the next, which is all that is asked of it.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
