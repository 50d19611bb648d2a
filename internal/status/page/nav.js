// The list of pools.

import { h, setText } from './dom.js';
import { count } from './format.js';
import { badge, poolMode, setBadge } from './states.js';

export class Nav {
	#links = new Map();

	constructor(element) {
		this.list = h('ul');
		element.append(this.list);
	}

	// take takes an event: pools that have changed, and names of those that have gone.
	take({ pools = [], removed = [] }) {
		for (const name of removed) {
			this.#links.get(name)?.item.remove();
			this.#links.delete(name);
		}
		for (const pool of pools) this.#show(pool);
	}

	get names() { return [...this.#links.keys()].sort(); }

	#show(pool) {
		let link = this.#links.get(pool.name);
		if (!link) {
			link = { mode: badge(poolMode(pool.mode)), usable: h('span', { class: 'usable' }) };
			link.anchor = h('a', { href: `#${encodeURIComponent(pool.name)}`, 'data-key': pool.name },
				h('span', { class: 'name' }, pool.name), link.mode, link.usable);
			link.item = h('li', {}, link.anchor);
			this.#links.set(pool.name, link);
			const after = this.names.find((name) => name > pool.name);
			this.list.insertBefore(link.item, after === undefined ? null : this.#links.get(after).item);
			this.mark(this.current);
		}
		setBadge(link.mode, poolMode(pool.mode));
		setText(link.usable, `${count(pool.usable)} of ${count(pool.endpoints)} usable`);
	}

	mark(name) {
		this.current = name;
		for (const [of, { anchor }] of this.#links) {
			if (of === name) anchor.setAttribute('aria-current', 'page');
			else anchor.removeAttribute('aria-current');
		}
	}
}
