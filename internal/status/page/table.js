// The table of endpoints. Only the rows in view exist, so that thousands scroll as smoothly as three.

import { h, setAttribute, setText } from './dom.js';
import { columns } from './columns.js';

const spare = 6; // rows beyond each edge of the view

export class Table {
	#rows = [];
	#items = [];
	#active = 0;

	// onOpen is called with the endpoint of a row, and onSort with the key of a column.
	constructor({ onOpen, onSort, quickAction }) {
		Object.assign(this, { onOpen, onSort, quickAction });
		this.body = h('tbody');
		this.before = h('tr', { class: 'spacer', 'aria-hidden': 'true' }, h('td'));
		this.after = h('tr', { class: 'spacer', 'aria-hidden': 'true' }, h('td'));
		this.heads = columns.map((column) => this.#head(column));
		this.table = h('table', { class: 'endpoints' },
			h('caption', { class: 'hidden' }, 'Endpoints'),
			h('thead', {}, h('tr', {}, this.#head({ key: 'address', title: 'Endpoint', sort: true }),
				this.heads, quickAction ? h('th', { class: 'action', scope: 'col' }, h('span', { class: 'hidden' }, 'Action')) : null)),
			this.body);
		this.element = h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Endpoints' }, this.table);
		this.element.addEventListener('scroll', () => this.render(), { passive: true });
		this.body.addEventListener('keydown', (e) => this.#key(e));
		new ResizeObserver(() => this.render()).observe(this.element);
		this.body.append(this.before, this.after);
	}

	#head(column) {
		const title = column.sort
			? h('button', { type: 'button', onclick: () => this.onSort(column) }, column.title)
			: column.title;
		const head = h('th', { scope: 'col', class: classes(column), 'data-column': column.key }, title);
		if (column.width) head.style.width = `${column.width}px`;
		return head;
	}

	// show shows endpoints of a pool. ticked says that a second has passed.
	show(pool, items, sort, ticked) {
		this.pool = pool;
		this.#items = items;
		this.#active = Math.min(this.#active, Math.max(items.length - 1, 0));
		for (const head of this.table.tHead.rows[0].cells) {
			if (head.dataset.column === sort.key) setAttribute(head, 'aria-sort', sort.down ? 'descending' : 'ascending');
			else head.removeAttribute('aria-sort');
		}
		setAttribute(this.table, 'aria-rowcount', String(items.length + 1));
		this.render(ticked === true);
	}

	get rowHeight() {
		this.height ??= parseFloat(getComputedStyle(this.element).getPropertyValue('--row')) || 40;
		return this.height;
	}

	get isInUse() { return this.body.matches(':hover') || this.body.contains(document.activeElement); }

	render(ticked = false) {
		const view = this.element.clientHeight || 600;
		const total = this.#items.length;
		const first = Math.max(0, Math.min(Math.floor(this.element.scrollTop / this.rowHeight) - spare, total - 1));
		const last = Math.min(total, first + Math.ceil(view / this.rowHeight) + 2 * spare);
		this.#resize(Math.max(last - first, 0));
		this.before.firstChild.style.height = `${first * this.rowHeight}px`;
		this.after.firstChild.style.height = `${(total - last) * this.rowHeight}px`;
		this.first = first;
		this.#rows.forEach((row, i) => this.#fill(row, first + i, ticked));
	}

	#resize(n) {
		while (this.#rows.length > n) this.#rows.pop().element.remove();
		while (this.#rows.length < n) {
			const row = this.#newRow();
			this.#rows.push(row);
			this.after.before(row.element);
		}
	}

	#newRow() {
		const row = { cells: columns.map((column) => column.make()) };
		row.open = h('button', { type: 'button', class: 'open', onclick: () => this.onOpen(row.endpoint) });
		row.note = h('span', { class: 'note' });
		row.element = h('tr', {}, h('th', { scope: 'row' }, row.open, row.note),
			columns.map((column, i) => h('td', { class: classes(column) }, row.cells[i])));
		if (this.quickAction) {
			row.action = h('button', { type: 'button', class: 'small', tabindex: '-1', onclick: () => this.quickAction.run(row.endpoint) });
			row.element.append(h('td', { class: 'action' }, row.action));
		}
		return row;
	}

	#fill(row, index, ticked) {
		const endpoint = this.#items[index];
		row.endpoint = endpoint;
		row.index = index;
		setAttribute(row.element, 'aria-rowindex', String(index + 2));
		setAttribute(row.element, 'data-address', endpoint.address);
		setText(row.open, endpoint.address);
		setAttribute(row.open, 'title', endpoint.address);
		setText(row.note, [endpoint.id !== endpoint.address && endpoint.id, endpoint.zone, ...endpoint.groups, endpoint.ungrouped && 'in no group'].filter(Boolean).join(' \u00b7 '));
		setAttribute(row.open, 'tabindex', index === this.#active ? '0' : '-1');
		columns.forEach((column, i) => column.show(row.cells[i], endpoint, this.pool, ticked));
		if (row.action) {
			const title = this.quickAction.title(endpoint);
			setText(row.action, title);
			setAttribute(row.action, 'aria-label', `${title} ${endpoint.address}`);
		}
	}

	#key(event) {
		const page = Math.max(1, Math.floor(this.element.clientHeight / this.rowHeight) - 2);
		const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
		if (event.key in steps) {
			event.preventDefault();
			this.focus(Math.max(0, Math.min(this.#active + steps[event.key], this.#items.length - 1)));
		} else if (event.key === 'd' && this.quickAction && !event.ctrlKey && !event.metaKey) {
			event.preventDefault();
			this.quickAction.run(this.#items[this.#active]);
		}
	}

	// focus moves to a row, and scrolls so that it is in view.
	focus(index = this.#active) {
		this.#active = index;
		const top = index * this.rowHeight;
		const head = this.table.tHead.offsetHeight;
		const { scrollTop, clientHeight } = this.element;
		if (top < scrollTop) this.element.scrollTop = top;
		else if (top + this.rowHeight + head > scrollTop + clientHeight) {
			this.element.scrollTop = top + this.rowHeight + head - clientHeight;
		}
		this.render();
		this.#rows.find((row) => row.index === index)?.open.focus({ preventScroll: true });
	}
}

const classes = (column) => [column.numeric && 'number', column.wide && 'wide'].filter(Boolean).join(' ') || null;
