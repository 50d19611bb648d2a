// The states of endpoints and the modes of pools. Each has a shape of its own and a word, so that
// nothing is told by colour alone.

import { h } from './dom.js';

const shapes = {
	circle: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2z',
	ring: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zm0 2.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7z',
	half: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zm0 2v8a4 4 0 0 1 0-8z',
	cross: 'M3.5 2L2 3.5 6.5 8 2 12.5 3.5 14 8 9.5l4.5 4.5 1.5-1.5L9.5 8 14 3.5 12.5 2 8 6.5z',
	triangle: 'M8 1.5L15 14H1z',
	square: 'M2.5 2.5h11v11h-11z',
	pause: 'M3 2h3.5v12H3zM9.500 2H13v12H9.500z',
	down: 'M3 2.500h10L8 14z',
	bar: 'M2 6.500h12v3H2z',
};

// rank orders states by how much they need attention.
const endpoints = {
	unhealthy: { text: 'Unhealthy', shape: 'cross', tone: 'bad', rank: 0 },
	ejected: { text: 'Ejected', shape: 'triangle', tone: 'bad', rank: 1 },
	refused: { text: 'Refused', shape: 'bar', tone: 'bad', rank: 2 },
	down: { text: 'Down', shape: 'down', tone: 'bad', rank: 3 },
	half_open: { text: 'Half-open', shape: 'half', tone: 'warn', rank: 5 },
	maintenance: { text: 'Maintenance', shape: 'pause', tone: 'idle', rank: 6 },
	draining: { text: 'Draining', shape: 'square', tone: 'idle', rank: 7 },
	unchecked: { text: 'Unchecked', shape: 'ring', tone: 'idle', rank: 8 },
	healthy: { text: 'Healthy', shape: 'circle', tone: 'good', rank: 9 },
};

const modes = {
	healthy: { text: 'Healthy', shape: 'circle', tone: 'good', says: 'Requests go to healthy endpoints.' },
	draining: { text: 'Only draining', shape: 'square', tone: 'warn', says: 'Only draining endpoints are left, so they get requests.' },
	fail_open: { text: 'Failing open', shape: 'triangle', tone: 'bad', says: 'Too few endpoints are healthy, so health is ignored.' },
	none: { text: 'No usable endpoint', shape: 'cross', tone: 'bad', says: 'No endpoint can serve requests.' },
};

const guards = {
	'too few answers': { text: 'Too few answers', shape: 'ring', tone: 'idle' },
	content: { text: 'Content', shape: 'circle', tone: 'good' },
	stopped: { text: 'Stopped', shape: 'cross', tone: 'bad' },
};

const unknown = (name) => ({ text: name, shape: 'ring', tone: 'idle', rank: 5, says: '' });

export const endpointState = (name) => endpoints[name] ?? unknown(name);
export const groupGuard = (name) => guards[name] ?? unknown(name);
export const poolMode = (name) => modes[name] ?? unknown(name);
export const allStates = Object.keys(endpoints);

// badge returns the shape and the word of a state.
export function badge(state) {
	const element = h('span', { class: 'badge' });
	setBadge(element, state);
	return element;
}

export function setBadge(element, state) {
	if (element.dataset.state === state.text) return;
	element.dataset.state = state.text;
	element.dataset.tone = state.tone;
	element.replaceChildren(icon(state.shape), h('span', {}, state.text));
}

export function icon(shape) {
	return h('svg', { viewBox: '0 0 16 16', class: 'icon', 'aria-hidden': 'true', focusable: 'false' },
		h('path', { d: shapes[shape], 'fill-rule': 'evenodd' }));
}
