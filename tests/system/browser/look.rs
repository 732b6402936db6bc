//! A look at a page as it stands: on a desk and on a phone, in light and in dark.
//!
//! With `CLAVIS_SCREENSHOTS=FOLDER` in the environment, every look is kept there as pictures.

use std::path::PathBuf;

use serde_json::json;

use super::chromium::Chromium;

const DESK: (u64, u64) = (1100, 800);
const PHONE: (u64, u64) = (390, 844);

impl Chromium {
    /// Looks at the page: it fits a phone, follows the preference for dark colours, and neither
    /// its scripts nor its policy complain.
    pub(crate) async fn look(&self, name: &str) {
        let mut grounds = Vec::new();
        for (view, size) in [("phone", PHONE), ("desk", DESK)] {
            self.show_at(size, view == "phone");
            let width = self
                .eval("return document.scrollingElement.scrollWidth")
                .await;
            assert!(
                width.as_u64() <= Some(size.0),
                "{name} is {width} wide on a {view}"
            );
            for scheme in ["light", "dark"] {
                self.prefer(scheme);
                let ground = self
                    .eval("return getComputedStyle(document.body).backgroundColor")
                    .await;
                grounds.push(ground.as_str().expect("a colour").to_owned());
                self.keep(name, view, scheme, size).await;
            }
            self.prefer("light");
        }
        assert!(
            grounds[0] != grounds[1] && grounds[2] != grounds[3],
            "{name} knows no dark: {grounds:?}"
        );
        assert_eq!(self.complaints(), Vec::<String>::new(), "{name}");
    }

    fn show_at(&self, (width, height): (u64, u64), is_phone: bool) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    fn prefer(&self, scheme: &str) {
        // Without motion, so that no picture is taken in the middle of a change of colours.
        let media = json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        self.devtools("Emulation.setEmulatedMedia", &media);
    }

    async fn keep(&self, name: &str, view: &str, scheme: &str, size: (u64, u64)) {
        let Some(folder) = std::env::var_os("CLAVIS_SCREENSHOTS").map(PathBuf::from) else {
            return;
        };
        let height = self
            .eval("return document.scrollingElement.scrollHeight")
            .await;
        self.show_at(
            (size.0, height.as_u64().unwrap_or(0).max(size.1)),
            view == "phone",
        );
        let picture = self.client.screenshot().await.expect("a picture");
        self.show_at(size, view == "phone");
        std::fs::create_dir_all(&folder).expect("the folder for pictures");
        std::fs::write(folder.join(format!("{name}-{view}-{scheme}.png")), picture)
            .expect("a picture");
    }
}
