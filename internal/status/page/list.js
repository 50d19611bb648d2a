// What the table shows: the endpoints that match the search and the filter, in an order.

import { h } from './dom.js';
import { count, plural } from './format.js';
import { allStates, endpointState } from './states.js';
import { Table } from './table.js';

const reorderEvery = 5; // seconds between orders by figures that move

export class List {
	#sort = { key: 'address', of: (e) => e.address, down: false };
	#order = [];
	#ticks = 0;

	constructor(actions) {
		this.table = new Table({ ...actions, onSort: (column) => this.#sortBy(column) });
		this.search = h('input', {
			type: 'search', id: 'search', placeholder: 'Address, id, zone, metadata', autocomplete: 'off', spellcheck: 'false',
			'aria-keyshortcuts': '/', oninput: () => this.refresh(),
		});
		this.filter = h('select', { id: 'filter', onchange: () => this.refresh() },
			h('option', { value: '' }, 'All states'),
			h('option', { value: 'usable' }, 'Usable'),
			h('option', { value: 'trouble' }, 'Not healthy'),
			h('option', { value: 'overridden' }, 'Overridden'),
			allStates.map((name) => h('option', { value: name }, endpointState(name).text)));
		this.found = h('p', { class: 'found', 'aria-live': 'polite' });
		this.empty = h('p', { class: 'empty', hidden: true });
		this.element = h('div', { class: 'list' },
			h('div', { class: 'tools' },
				h('label', { for: 'search' }, 'Search'), this.search,
				h('label', { for: 'filter' }, 'Show'), this.filter, this.found),
			this.table.element, this.empty);
	}

	#sortBy(column) {
		const again = this.#sort.key === column.key;
		this.#sort = {
			key: column.key, of: column.key === 'address' ? (e) => e.address : column.sort,
			down: again ? !this.#sort.down : column.numeric === true,
		};
		this.refresh();
	}

	// show shows a pool. ticked says that a second has passed.
	show(pool, ticked) {
		this.pool = pool;
		this.#ticks++;
		const stale = this.#order.length !== pool.endpoints.size || !ticked;
		if (stale || (this.#ticks % reorderEvery === 0 && !this.table.isInUse)) this.#reorder();
		this.#render(ticked);
	}

	refresh() {
		if (!this.pool) return;
		this.#reorder();
		this.#render(false);
	}

	#reorder() {
		const { of, down } = this.#sort;
		const pool = this.pool;
		const keyed = Array.from(pool.endpoints.values(), (e) => [of(e, pool), e]);
		const sign = down ? -1 : 1;
		keyed.sort(([a, x], [b, y]) => (a === b ? compare(x.address, y.address) : sign * compare(a, b)));
		this.#order = keyed.map(([, e]) => e);
	}

	#render(ticked) {
		const words = this.search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
		const wanted = this.filter.value;
		const items = words.length || wanted
			? this.#order.filter((e) => matches(e, wanted) && words.every((word) => e.text.includes(word)))
			: this.#order;
		this.table.show(this.pool, items, this.#sort, ticked);
		const all = this.pool.endpoints.size;
		const found = items.length === all ? plural(all, 'endpoint') : `${count(items.length)} of ${plural(all, 'endpoint')}`;
		if (this.found.textContent !== found) this.found.textContent = found;
		this.table.element.hidden = items.length === 0;
		this.empty.hidden = items.length > 0;
		this.empty.textContent = all ? 'No endpoint matches.' : 'The pool has no endpoints. Its sources say why.';
	}
}

const digits = new Intl.Collator('en', { numeric: true });

const compare = (a, b) => (typeof a === 'string' ? digits.compare(a, b) : a < b ? -1 : a > b ? 1 : 0);

function matches(endpoint, wanted) {
	switch (wanted) {
		case '': return true;
		case 'usable': return endpoint.usable;
		case 'trouble': return endpoint.state !== 'healthy';
		case 'overridden': return Boolean(endpoint.override);
		default: return endpoint.state === wanted;
	}
}
