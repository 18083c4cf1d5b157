// Copy a command or a text. Nothing of the page is sent anywhere.
const announce = document.getElementById("announce");

async function copy(button) {
  const text = document.getElementById(button.dataset.copy);
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text.textContent);
    announce.textContent = button.textContent = "Copied";
  } catch {
    // No clipboard outside a secure context: do all but the last key press.
    getSelection().selectAllChildren(text);
    announce.textContent = "Selected: press Ctrl+C to copy";
    button.textContent = "Ctrl+C";
  }
  setTimeout(() => { announce.textContent = ""; button.textContent = label; }, 2000);
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
