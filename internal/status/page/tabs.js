// Tabs by the pattern of ARIA: arrow keys move, and only the chosen tab is in the order of focus.

import { h } from './dom.js';

export class Tabs {
	// panels have a key, a title, an element, and maybe open, which is called as the panel is shown.
	constructor(panels) {
		this.panels = panels;
		this.tabs = panels.map((panel, i) => h('button', {
			type: 'button', role: 'tab', id: `tab-${panel.key}`, 'aria-controls': `panel-${panel.key}`,
			onclick: () => this.open(i), onkeydown: (e) => this.#key(e, i),
		}, panel.title));
		this.sections = panels.map((panel) => h('section', {
			role: 'tabpanel', id: `panel-${panel.key}`, 'aria-labelledby': `tab-${panel.key}`,
		}, panel.element));
		this.element = h('div', { class: 'tabs' },
			h('div', { role: 'tablist', 'aria-label': 'Views of the pool' }, this.tabs), this.sections);
		this.open(0);
	}

	open(chosen) {
		this.chosen = chosen;
		this.panels.forEach((panel, i) => {
			this.tabs[i].setAttribute('aria-selected', String(i === chosen));
			this.tabs[i].tabIndex = i === chosen ? 0 : -1;
			this.sections[i].hidden = i !== chosen;
		});
		this.panels[chosen].open?.();
	}

	get key() { return this.panels[this.chosen].key; }

	#key(event, i) {
		const n = this.panels.length;
		const to = { ArrowRight: (i + 1) % n, ArrowLeft: (i + n - 1) % n, Home: 0, End: n - 1 }[event.key];
		if (to === undefined) return;
		event.preventDefault();
		this.open(to);
		this.tabs[to].focus();
	}
}
