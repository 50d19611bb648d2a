// The theme, and the keys of the page.

import { openDialog } from './dialog.js';
import { h } from './dom.js';

const themes = ['system', 'light', 'dark'];

export function startTheme(button) {
	let theme = localStorage.getItem('pools-theme') ?? themes[0];
	const apply = () => {
		if (theme === 'system') delete document.documentElement.dataset.theme;
		else document.documentElement.dataset.theme = theme;
		button.textContent = `Theme: ${theme}`;
	};
	button.addEventListener('click', () => {
		theme = themes[(themes.indexOf(theme) + 1) % themes.length];
		localStorage.setItem('pools-theme', theme);
		apply();
	});
	apply();
}

const keys = [
	['/', 'search endpoints'], ['1 to 5', 'choose a tab'], ['j, k', 'next and previous pool'],
	['\u2191 \u2193 Page Home End', 'move in the table'], ['Enter', 'open the endpoint'], ['d', 'drain the endpoint'],
	['Escape', 'close a dialog'], ['?', 'show these keys'],
];

function showKeys() {
	openDialog('Keys', h('dl', { class: 'keys' }, keys.map(([key, text]) => h('div', {}, h('dt', {}, h('kbd', {}, key)), h('dd', {}, text)))));
}

// startKeys makes keys work wherever nothing is typed.
export function startKeys(button, { onSearch, onTab, onPool }) {
	button.addEventListener('click', showKeys);
	document.addEventListener('keydown', (event) => {
		const typing = event.target.closest?.('input, textarea, select, dialog');
		if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
		if (event.key === '?') showKeys();
		else if (event.key === '/') onSearch();
		else if (event.key >= '1' && event.key <= '5') onTab(Number(event.key) - 1);
		else if (event.key === 'j') onPool(1);
		else if (event.key === 'k') onPool(-1);
		else return;
		event.preventDefault();
	});
}
