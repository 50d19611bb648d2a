// The log of what has changed in a pool.

import { mayControl } from './api.js';
import { h } from './dom.js';
import { clock, moment, parseTime, plural } from './format.js';

const most = 256;

const events = {
	healthy: 'is healthy', unhealthy: 'is unhealthy', ejected: 'is ejected', would_eject: 'would be ejected',
	readmitted: 'is readmitted', draining: 'is draining', left_out: 'is left out',
	pool_empty: 'The pool has no usable endpoint', pool_usable: 'The pool has usable endpoints again',
	fail_open: 'The pool has too few usable endpoints and ignores health', fail_open_ended: 'The pool respects health again',
	frozen: 'The list is frozen', released: 'The pool follows its sources again',
};

const bad = new Set(['unhealthy', 'ejected', 'left_out', 'pool_empty', 'fail_open']);

export class History {
	#seen = new Set();

	// onRollback is called with the revision to go back to.
	constructor(onRollback) {
		this.onRollback = onRollback;
		this.list = h('ol', { class: 'history', reversed: true });
		this.empty = h('p', { class: 'empty' }, 'Nothing has changed since Caddy started.');
		this.element = h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Events' }, this.empty, this.list);
	}

	// fill shows the entries of a pool, the newest first.
	fill(entries) {
		this.#seen.clear();
		this.list.replaceChildren();
		for (const entry of [...entries].reverse()) this.add(entry);
		this.empty.hidden = entries.length > 0;
	}

	add(entry) {
		if (this.#seen.has(entry.revision)) return;
		this.#seen.add(entry.revision);
		this.empty.hidden = true;
		this.list.prepend(this.#item(entry));
		while (this.list.childElementCount > most) this.list.lastChild.remove();
	}

	#item(entry) {
		const time = parseTime(entry.time);
		return h('li', { 'data-kind': entry.kind, 'data-tone': bad.has(entry.event) ? 'bad' : null },
			h('time', { datetime: entry.time, title: moment(time) }, clock(time)),
			h('span', { class: 'kind' }, entry.kind),
			h('span', { class: 'what' }, sentence(entry), entry.reason && h('span', { class: 'reason' }, entry.reason),
				entry.by && h('span', { class: 'by' }, `by ${entry.by}`)),
			mayControl && entry.rollback && h('button', {
				type: 'button', class: 'small', onclick: () => this.onRollback(entry),
				'aria-label': `Go back to the list of revision ${entry.revision}`,
			}, 'Go back'));
	}
}

// sentence says what a change was.
export function sentence(entry) {
	switch (entry.kind) {
		case 'membership': return membership(entry);
		case 'override': return override(entry);
		case 'config': return entry.event ? entry.event.replaceAll('_', ' ') : 'The definition of the pool has changed';
		default: {
			const text = events[entry.event] ?? (entry.event ?? '').replaceAll('_', ' ');
			return entry.address ? `${entry.address} ${text}` : text;
		}
	}
}

function membership(entry) {
	const parts = [];
	for (const [word, of] of [['joined', entry.added], ['left', entry.removed], ['changed', entry.changed]]) {
		if (!of) continue;
		const named = of.first.slice(0, 3).join(', ');
		parts.push(of.count > 3 ? `${named} and ${of.count - 3} more ${word}` : `${named} ${word}`);
	}
	return `${parts.join('; ') || 'The list has changed'} (${plural(entry.endpoints ?? 0, 'endpoint')} now)`;
}

function override(entry) {
	if (entry.event === 'ended') return `${entry.address}: the override has ended`;
	if (entry.event === 'reset') return `${entry.address}: latency, failures and ejections are forgotten`;
	return `${entry.address}: set to ${entry.event}`;
}
