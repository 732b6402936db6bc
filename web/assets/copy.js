// Copies a recovery key to the clipboard, and says so only when it is there. Without this script
// the page is whole: the key can be selected by hand.
for (const button of document.querySelectorAll("button[data-copies]")) {
  const key = document.getElementById(button.dataset.copies);
  const status = document.getElementById(button.dataset.says);
  button.hidden = false;
  button.addEventListener("click", async () => {
    status.textContent = "";
    try {
      await navigator.clipboard.writeText(key.textContent);
      status.textContent = "Copied";
    } catch {
      status.textContent = "Not copied. Please select the key by hand.";
    }
  });
}
