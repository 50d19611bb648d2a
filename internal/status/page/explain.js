// The form that asks which endpoint a request would go to, and why.

import { call, poolURL } from './api.js';
import { h, nothing } from './dom.js';
import { percent } from './format.js';
import { badge, endpointState, icon } from './states.js';

const most = 100;

export class Explain {
	constructor() {
		this.method = h('select', { name: 'method' }, ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'].map((m) => h('option', {}, m)));
		this.uri = h('input', { name: 'uri', value: '/', required: true, autocomplete: 'off', spellcheck: 'false' });
		this.host = h('input', { name: 'host', placeholder: 'example.com', autocomplete: 'off', spellcheck: 'false' });
		this.client = h('input', { name: 'client', placeholder: '127.0.0.1', autocomplete: 'off', spellcheck: 'false' });
		this.headers = h('textarea', { name: 'headers', rows: '2', placeholder: 'Cookie: session=42', spellcheck: 'false' });
		this.result = h('div', { 'aria-live': 'polite' });
		this.element = h('div', { class: 'explain' },
			h('p', {}, 'Which endpoint would a request go to now, and why? Nothing is sent.'),
			h('form', { onsubmit: (e) => { e.preventDefault(); this.#ask(); } },
				h('label', {}, 'Method', this.method), h('label', { class: 'long' }, 'Path and query', this.uri),
				h('label', {}, 'Host', this.host), h('label', {}, 'Client address', this.client),
				h('label', { class: 'long' }, 'Headers, one a line', this.headers),
				h('button', { class: 'primary' }, 'Explain')),
			this.result);
	}

	async #ask() {
		const request = { method: this.method.value, uri: this.uri.value, headers: parseHeaders(this.headers.value) };
		if (this.host.value) request.host = this.host.value;
		if (this.client.value) request.client = this.client.value;
		try {
			const { answer } = await call('POST', poolURL(this.pool, '/explain'), request);
			this.result.replaceChildren(...answer.map(describe));
		} catch (error) {
			this.result.replaceChildren(h('p', { class: 'refusal' }, error.message));
		}
	}

	// show chooses the pool. What was explained of another one goes.
	show(pool) {
		if (this.pool !== pool) this.result.replaceChildren();
		this.pool = pool;
	}
}

function parseHeaders(text) {
	const headers = {};
	for (const line of text.split('\n')) {
		const colon = line.indexOf(':');
		if (colon > 0) headers[line.slice(0, colon).trim()] = line.slice(colon + 1).trim();
	}
	return headers;
}

function describe(e) {
	const bands = e.bands ?? [];
	return h('section', { class: 'explanation' },
		h('h3', {}, e.policy),
		h('p', { class: 'picked' }, e.picked ? ['It would go to ', h('strong', {}, e.picked), ': '] : 'It would go nowhere: ', e.reason, '.'),
		admission(e.admission),
		h('p', { class: 'found' }, [
			e.sites && `Sites: ${e.sites.join('; ')}${e.more_sites ? `; and ${e.more_sites} more` : ''}`,
			e.route && `Route: ${e.route}${e.parked ? ' (parked)' : ''}`, e.key && `Key: ${e.key}`,
			bands.length > 1 && bands.map((b, i) => `Band ${i + 1}: priority ${b.priority}${b.zone ? `, zone ${b.zone}` : ''}, ${percent(b.share)}`).join('; '),
		].filter(Boolean).join(' \u00b7 ')),
		h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `Endpoints by ${e.policy}` }, endpoints(e.endpoints ?? [])));
}

// admission says what the limits of the pool would do, unless they let the request in.
function admission(a) {
	if (!a || a.result === 'enters') return null;
	return h('p', { class: 'warning' }, icon(a.result === 'waits' ? 'pause' : 'cross'), h('span', {},
		a.result === 'waits' ? 'Before that, it would wait in the queue: ' : 'It would be refused with 503: ', a.reason,
		a.class && ` (class ${a.class})`, '.'));
}

function endpoints(all) {
	const number = (text) => h('td', { class: 'number' }, text);
	return h('table', { class: 'report' },
		h('thead', {}, h('tr', {}, ['Endpoint', 'State', 'Why', 'Rank', 'Cost', 'Made of'].map((title) => h('th', { scope: 'col' }, title)))),
		h('tbody', {}, all.slice(0, most).map((e) => h('tr', {},
			h('th', { scope: 'row' }, e.address), h('td', {}, badge(endpointState(e.state))), h('td', {}, e.reason ?? ''),
			number(e.rank ? String(e.rank) : nothing), number(e.cost === undefined ? nothing : digits(e.cost)),
			h('td', {}, Object.entries(e.parts ?? {}).map(([name, value]) => `${name.replaceAll('_', ' ')} ${digits(value)}`).join(', '))))));
}

const digits = (n) => (Number.isInteger(n) ? String(n) : n.toPrecision(3));
