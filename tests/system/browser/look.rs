//! A look at a page as it stands: on a desk and on a phone, in light and in dark.
//!
//! With `CLAVIS_SCREENSHOTS=FOLDER` in the environment, every look is kept there as pictures.

use std::path::PathBuf;

use serde_json::json;

use super::chromium::Chromium;

const DESK: (u64, u64) = (1100, 800);
const PHONE: (u64, u64) = (390, 844);

/// Names what somebody could not read or could not find their way by: text that stands out too little
/// (WCAG 2, level AA), fields without labels, links without words, references to nothing.
const FLAWS: &str = "
const flaws = [];
const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
const light = colour => numbers(colour).slice(0, 3)
    .map(part => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
const ground = at => {
    const colour = getComputedStyle(at).backgroundColor;
    return numbers(colour)[3] === 0 && at.parentElement ? ground(at.parentElement) : colour;
};
const seen = { opacityProperty: true, visibilityProperty: true };
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
    const text = texts.currentNode.data.trim(), at = texts.currentNode.parentElement;
    if (!text || at.closest('svg, option, style') || !at.checkVisibility(seen)) continue;
    const style = getComputedStyle(at), size = parseFloat(style.fontSize);
    const is_large = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
    const [dark, bright] = [light(style.color), light(ground(at))].sort((one, other) => one - other);
    const contrast = (bright + 0.05) / (dark + 0.05);
    if (contrast < (is_large ? 3 : 4.5)) flaws.push(`contrast ${contrast.toFixed(2)}: ${text}`);
}
const all = selector => [...document.querySelectorAll(selector)];
for (const field of all('input:not([type=hidden]), select, textarea'))
    if (!field.labels.length && !field.ariaLabel) flaws.push(`no label: ${field.outerHTML}`);
for (const link of all('a, button'))
    if (!link.textContent.trim() && !link.ariaLabel) flaws.push(`no words: ${link.outerHTML}`);
const ids = all('[id]').map(at => at.id);
for (const name of ['aria-describedby', 'aria-labelledby', 'for'])
    for (const at of all(`[${name}]`))
        for (const id of at.getAttribute(name).split(' '))
            if (ids.filter(one => one === id).length !== 1) flaws.push(`${name} names ${id}`);
if (all('h1').length !== 1) flaws.push('not one h1');
return flaws";

impl Chromium {
    /// Looks at the page: it fits a phone, follows the preference for dark colours, can be read in
    /// both, and neither its scripts nor its policy complain.
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
                let flaws = self.eval(FLAWS).await;
                assert_eq!(flaws, json!([]), "{name} on a {view}, {scheme}");
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
