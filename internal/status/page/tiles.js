// The figures of a pool as a whole, each with its last minute.

import { h, setText } from './dom.js';
import { count, percent, rate, seconds } from './format.js';
import { Spark } from './spark.js';
import { endpointState } from './states.js';

const tiles = [
	{ title: 'Usable', value: (p) => `${count(p.usable)} of ${count(p.endpoints.size)}`, note: others },
	{ title: 'Requests/s', value: (p) => rate(p.requestRate), series: (p) => p.rate, least: 1 },
	{ title: 'Errors', value: (p) => percent(p.errorShare), series: (p) => p.failures, least: 1, tone: 'bad' },
	{ title: 'p50 / p99', value: (p) => `${seconds(p.median)} / ${seconds(p.tail)}`, series: (p) => p.p99, least: 0.01 },
	{ title: 'In flight', value: (p) => count(Math.round(p.inFlight.mean(1))), series: (p) => p.inFlight, least: 1 },
];

export class Tiles {
	constructor() {
		this.parts = tiles.map((tile) => ({
			tile, value: h('dd', { class: 'value' }), note: tile.note && h('dd', { class: 'others' }),
			spark: tile.series && new Spark(`${tile.title} in the last minute`),
		}));
		this.element = h('dl', { class: 'tiles' }, this.parts.map(({ tile, value, note, spark }) => h('div', {
			class: 'tile', 'data-tone': tile.tone,
		}, h('dt', {}, tile.title), value, note, spark && h('dd', { class: 'trend' }, spark.element))));
	}

	show(pool, ticked) {
		for (const { tile, value, note, spark } of this.parts) {
			setText(value, tile.value(pool));
			if (note) setText(note, tile.note(pool));
			spark?.draw(tile.series(pool), tile.least, ticked);
		}
	}
}

// others counts the endpoints that are not healthy.
function others(pool) {
	const counts = new Map();
	for (const { state } of pool.endpoints.values()) if (state !== 'healthy') counts.set(state, (counts.get(state) ?? 0) + 1);
	return Array.from(counts, ([state, n]) => `${count(n)} ${endpointState(state).text.toLowerCase()}`).join(', ');
}
