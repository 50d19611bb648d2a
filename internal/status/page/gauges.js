// What bounds the requests of a pool: places, the queue, retries, hedges and sessions. A pool that
// has none of them shows nothing here.

import { h, setAttribute, setText } from './dom.js';
import { count } from './format.js';

// gaugesOf returns the gauges of a pool: a title, a value, the part that is used where there is a
// maximum, and a note.
function gaugesOf({ limits, hedges, sessions }) {
	return [
		limits?.max_in_flight && full('places', 'Places in use', limits.admitted, limits.max_in_flight),
		limits?.queue_length && { ...full('queue', 'Waiting', waiting(limits), limits.queue_length), note: byClass(limits, 'waiting') },
		isGated(limits) && { key: 'shed', title: 'Turned away', value: count(sum(limits, 'shed')), note: byClass(limits, 'shed') },
		limits?.retries_left !== undefined && {
			key: 'retries', title: 'Retries left', value: count(limits.retries_left),
			note: limits.refused_retries > 0 ? `${count(limits.refused_retries)} refused` : '',
		},
		hedges && {
			key: 'hedges', title: 'Hedges won', value: `${count(hedges.won)} of ${count(hedges.won + hedges.lost)}`,
			note: hedges.refused > 0 ? `${count(hedges.refused)} over the budget` : '',
		},
		...(sessions ?? []).map((s) => ({
			...full(`sessions ${s.carrier}`, 'Sessions', s.sessions, s.limit),
			note: [s.carrier, s.evicted > 0 && `${count(s.evicted)} forgotten early`].filter(Boolean).join(', '),
		})),
	].filter(Boolean);
}

const full = (key, title, n, most) => ({ key, title, value: `${count(n)} of ${count(most)}`, part: Math.min(n / most, 1) });
const isGated = (limits) => Boolean(limits && (limits.max_in_flight || limits.queue_length));
const sum = (limits, what) => Object.values(limits.classes).reduce((all, one) => all + one[what], 0);
const waiting = (limits) => sum(limits, 'waiting');

// byClass names the classes, unless all requests are alike.
function byClass({ classes }, what) {
	const some = Object.entries(classes).filter(([, one]) => one[what] > 0);
	if (some.length === 0 || (some.length === 1 && some[0][0] === 'normal')) return '';
	return some.map(([name, one]) => `${count(one[what])} ${name}`).join(', ');
}

export class Gauges {
	#shown = new Map();

	constructor() {
		this.list = h('dl', { class: 'gauges' });
		this.element = h('div', { hidden: true }, this.list);
	}

	show(parts) {
		const gauges = gaugesOf(parts);
		this.element.hidden = gauges.length === 0;
		const stay = new Set(gauges.map((gauge) => gauge.key));
		for (const [key, { element }] of this.#shown) {
			if (stay.has(key)) continue;
			element.remove();
			this.#shown.delete(key);
		}
		gauges.forEach((gauge, i) => this.#show(gauge, i));
	}

	#show(gauge, i) {
		let shown = this.#shown.get(gauge.key);
		if (!shown) {
			shown = { value: h('dd', { class: 'value' }), fill: h('span'), note: h('dd', { class: 'others' }) };
			shown.element = h('div', { class: 'gauge', 'data-gauge': gauge.key }, h('dt', {}, gauge.title), shown.value,
				gauge.part !== undefined && h('dd', { class: 'bar', 'aria-hidden': 'true' }, shown.fill), shown.note);
			this.#shown.set(gauge.key, shown);
			this.list.insertBefore(shown.element, this.list.children[i] ?? null);
		}
		setText(shown.value, gauge.value);
		const isFull = gauge.part === 1;
		setAttribute(shown.element, 'data-full', String(isFull));
		setText(shown.note, [isFull && 'full', gauge.note].filter(Boolean).join(', '));
		shown.fill.style.width = `${Math.round((gauge.part ?? 0) * 100)}%`;
	}
}

