// The routes of a pool and its sources: tables that are read again while they are shown.

import { get, poolURL } from './api.js';
import { h, nothing } from './dom.js';
import { ago, count, parseTime, percent, plural, seconds } from './format.js';

const most = 200;

// Report is a table of rows that one request returns.
class Report {
	constructor(path, caption, heads, row, empty) {
		Object.assign(this, { path, row });
		this.body = h('tbody');
		this.note = h('p', { class: 'empty' }, empty);
		this.rest = h('p', { class: 'found' });
		this.element = h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
			h('table', { class: 'report' }, h('caption', { class: 'hidden' }, caption),
				h('thead', {}, h('tr', {}, heads.map(([title, kind]) => h('th', { scope: 'col', class: kind }, title)))), this.body),
			this.rest, this.note);
	}

	async load(pool) {
		let rows;
		try {
			rows = await get(poolURL(pool, this.path));
		} catch {
			return; // the connection is shown elsewhere
		}
		this.body.replaceChildren(...rows.slice(0, most).map(this.row));
		this.note.hidden = rows.length > 0;
		this.rest.textContent = rows.length > most ? `${count(rows.length - most)} more are not shown.` : '';
	}
}

const number = (text) => h('td', { class: 'number' }, text);

export const newRoutes = () => new Report('/routes', 'Routes, the busiest first',
	[['Route'], ['Requests', 'number'], ['Mean time', 'number'], ['Failures', 'number'], ['Kind']],
	(route) => h('tr', {}, h('th', { scope: 'row' }, h('code', {}, route.name)), number(count(route.requests)),
		number(seconds(route.mean_seconds)), number(percent(route.failures)),
		h('td', {}, route.parked ? 'Parked: open for long, counted as no work' : 'Work')),
	'No route is known yet. They appear with the first requests.');

export const newSources = () => new Report('/sources', 'Sources, in the order of the definition',
	[['Source'], ['State'], ['Entries', 'number'], ['Dropped', 'number'], ['Last list', 'number'], ['Last error']],
	(source) => h('tr', {}, h('th', { scope: 'row' }, `${source.position}. ${source.name}`),
		h('td', {}, source.state.replaceAll('_', ' ')), number(count(source.entries)), number(dropped(source)),
		number(ago(parseTime(source.last_success))),
		h('td', {}, source.last_error ? `${source.last_error} (${ago(parseTime(source.last_error_at))})` : nothing)),
	'The pool reports no sources.');

function dropped(source) {
	if (!source.dropped) return '0';
	const first = source.first_dropped?.[0];
	return first ? `${plural(source.dropped, 'entry', 'entries')}: ${first.reason ?? first.error ?? ''}` : count(source.dropped);
}
