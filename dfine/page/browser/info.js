/**
 * ⓘ beside a word: a button that opens what the glossary says of it, in place. The glossary is the page's own list of
 * words (`dfine/page/guide.py`); where it lacks a word, nothing stands beside it.
 */
import {html} from './dom.js';

const GAP = 6; // pixels between the button and what it opens
let card = null;

/** What the glossary says of a word, or "". @param {string} word */
export function meaning(word) {
  const term = [...document.querySelectorAll('#glossary dt')].find((dt) => dt.textContent.trim() === word);
  return term?.nextElementSibling?.textContent.trim() ?? '';
}

/** The button for a word of the glossary. @param {string} word @returns {HTMLElement} */
export function info(word) {
  return html('button', {type: 'button', class: 'info', 'data-word': word, 'aria-label': `What is ${word}?`,
    'aria-haspopup': 'dialog', onclick: (event) => {
      event.stopPropagation(); // of a row that chooses
      open(event.currentTarget, word);
    }}, html('i', {'aria-hidden': 'true'}, 'i'));
}

/**
 * A text with ⓘ after the first place where each word stands.
 * @param {string} text
 * @param {Record<string, string>} words what the glossary calls them, by how they stand in the text
 * @returns {(string | HTMLElement)[]}
 */
export function explained(text, words) {
  const places = Object.entries(words).map(([word, entry]) => [text.indexOf(word), word, entry])
    .filter(([at]) => at >= 0).sort((a, b) => a[0] - b[0]);
  const parts = [];
  let from = 0;
  for (const [at, word, entry] of places) {
    if (at < from) continue; // within a word that is explained already
    const [mark] = /^[).,:;]*/.exec(text.slice(at + word.length)); // no line begins with it
    parts.push(text.slice(from, at), html('span', {class: 'term'}, word, info(entry), mark));
    from = at + word.length + mark.length;
  }
  return [...parts, text.slice(from)];
}

/**
 * ⓘ after the first place of each word within what the server has drawn, where it is not there already.
 * @param {Element} element
 * @param {Record<string, RegExp>} words by what the glossary calls them
 */
export function explainWithin(element, words) {
  for (const [entry, word] of Object.entries(words)) {
    if (element.querySelector(`[data-word="${entry}"]`)) continue;
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const {currentNode: text} = texts, found = word.exec(text.data);
      if (!found || text.parentElement.closest('svg, button, a, label, style, script')) continue;
      text.splitText(found.index + found[0].length).before(info(entry));
      break;
    }
  }
}

function open(button, word) {
  if (!card) {
    card = document.body.appendChild(html('div', {id: 'meaning', popover: 'auto', role: 'dialog', tabindex: -1}));
    card.addEventListener('toggle', (event) => event.newState === 'closed' && card.button?.isConnected
      && card.contains(document.activeElement) && card.button.focus());
  }
  card.button = button;
  card.replaceChildren(html('b', {id: 'meaning-word'}, word), html('p', {}, meaning(word) || 'The glossary says nothing of it.'));
  card.setAttribute('aria-labelledby', 'meaning-word');
  card.showPopover();
  const at = button.getBoundingClientRect(), {offsetWidth: w, offsetHeight: h} = card;
  const left = Math.min(Math.max(at.left + at.width / 2 - w / 2, 8), innerWidth - w - 8);
  const below = at.bottom + GAP, top = below + h > innerHeight - 8 ? Math.max(8, at.top - GAP - h) : below;
  Object.assign(card.style, {left: `${left}px`, top: `${top}px`});
  card.focus({preventScroll: true});
}
