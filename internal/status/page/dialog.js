// Dialogs and short messages.

import { h } from './dom.js';

// openDialog shows a dialog until it is closed, and returns it. Focus goes back by itself.
export function openDialog(title, content, { wide = false, onClose } = {}) {
	const heading = h('h2', { id: `dialog-${++dialogs}` }, title);
	const dialog = h('dialog', { class: wide ? 'wide' : null, 'aria-labelledby': heading.id },
		h('div', { class: 'dialog-head' }, heading,
			h('button', { type: 'button', class: 'quiet', 'aria-label': 'Close', onclick: () => dialog.close() }, '\u00d7')),
		content);
	dialog.addEventListener('close', () => {
		dialog.remove();
		onClose?.();
	});
	dialog.addEventListener('click', (e) => e.target === dialog && dialog.close());
	document.body.append(dialog);
	dialog.showModal();
	return dialog;
}

let dialogs = 0;

const messageTime = 12_000;

// tell shows a message, with an action that it offers, such as to undo what it tells of.
export function tell(text, { tone, action, run } = {}) {
	const remove = () => message.remove();
	const message = h('div', { class: 'toast', 'data-tone': tone }, h('span', {}, text),
		action && h('button', { type: 'button', onclick: () => { remove(); run(); } }, action),
		h('button', { type: 'button', class: 'quiet', 'aria-label': 'Dismiss', onclick: remove }, '\u00d7'));
	document.getElementById('toasts').append(message);
	let timer = setTimeout(remove, messageTime);
	for (const event of ['mouseenter', 'focusin']) message.addEventListener(event, () => clearTimeout(timer));
	for (const event of ['mouseleave', 'focusout']) {
		message.addEventListener(event, () => {
			clearTimeout(timer);
			timer = setTimeout(remove, messageTime);
		});
	}
}
