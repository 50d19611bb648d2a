// The columns of the table of endpoints: what each shows, and by what it sorts.

import { h, nothing, setAttribute, setText } from './dom.js';
import { ago, count, percent, plural, rate, seconds, weight } from './format.js';
import { endpointState, badge, setBadge } from './states.js';
import { Spark } from './spark.js';

const text = (name) => ({ make: () => h('span'), show: (cell, e, pool) => setText(cell, name(e, pool)) });

// numeric columns are sorted from the greatest down at first.
export const columns = [
	{
		key: 'state', title: 'State', width: 140, sort: (e) => endpointState(e.state).rank,
		make: () => h('div', {}, badge(endpointState('healthy')), h('span', { class: 'note' })),
		show: (cell, e) => {
			const reason = e.reason || (e.override ? 'an operator has decided about it' : '');
			setBadge(cell.firstChild, endpointState(e.state));
			setText(cell.lastChild, reason);
			setAttribute(cell, 'title', reason);
		},
	},
	{ key: 'share', title: 'Share', width: 104, numeric: true, sort: (e) => e.share, ...share() },
	{ key: 'rate', title: 'Requests/s', width: 128, numeric: true, sort: (e) => e.rate, ...rates() },
	{
		key: 'errors', title: 'Errors', width: 74, numeric: true, sort: (e) => e.errors ?? -1,
		make: () => h('span'),
		show: (cell, e) => {
			setText(cell, percent(e.errors));
			cell.className = e.errors > 0.01 ? 'bad' : '';
		},
	},
	{ key: 'p50', title: 'p50', width: 74, numeric: true, wide: true, sort: (e) => e.p50 ?? 0, ...text((e) => seconds(e.p50)) },
	{ key: 'p99', title: 'p99', width: 74, numeric: true, sort: (e) => e.p99 ?? 0, ...text((e) => seconds(e.p99)) },
	{
		key: 'inFlight', title: 'In flight', width: 76, numeric: true, sort: (e) => e.inFlight,
		make: () => h('span'),
		show: (cell, e) => {
			setText(cell, count(e.inFlight));
			setAttribute(cell, 'title', e.parked ? plural(e.parked, 'of them is parked', 'of them are parked') : '');
		},
	},
	{ key: 'weight', title: 'Weight', width: 70, numeric: true, sort: (e) => e.weight, ...text((e) => weight(e.weight)) },
	{
		key: 'change', title: 'Changed', width: 82, numeric: true, wide: true, sort: (e, pool) => pool.changedAt(e) ?? 0,
		...text((e, pool) => { const at = pool.changedAt(e); return at ? ago(at) : nothing; }),
	},
];

function share() {
	return {
		make: () => h('span', { class: 'share' }, h('span', { class: 'bar' }, h('span')), h('span')),
		show: (cell, e) => {
			setText(cell.lastChild, percent(e.share));
			cell.firstChild.firstChild.style.width = `${Math.round(e.share * 100)}%`;
		},
	};
}

function rates() {
	return {
		make: () => {
			const cell = h('span', { class: 'rates' });
			cell.spark = new Spark('Requests in the last minute');
			cell.append(cell.spark.element, h('span'));
			return cell;
		},
		show: (cell, e, pool, ticked) => {
			const same = cell.shown === e;
			cell.shown = e;
			setText(cell.lastChild, rate(e.rate));
			cell.spark.draw(e.requestsSeries, 1, ticked && same);
		},
	};
}
