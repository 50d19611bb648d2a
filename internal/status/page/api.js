// Calls the API, whose addresses are relative to that of the page.

export const mayControl = document.documentElement.dataset.control === 'true';

const base = new URL('.', location.href);

export class Refusal extends Error {
	constructor(status, message) {
		super(message);
		this.status = status;
	}
}

export const poolURL = (pool, rest = '') => new URL(encodeURIComponent(pool) + rest, base);
export const endpointURL = (pool, name, rest = '') => poolURL(pool, `/endpoints/${encodeURIComponent(name)}${rest}`);
export const groupURL = (pool, name, rest = '') => poolURL(pool, `/groups/${encodeURIComponent(name)}${rest}`);

// call sends a request, and returns the answer and its entity tag. Anything but success is a Refusal.
export async function call(method, url, body, etag) {
	const headers = { Accept: 'application/json' };
	if (method !== 'GET') headers['Content-Type'] = 'application/json';
	if (etag) headers['If-Match'] = etag;
	let response;
	try {
		response = await fetch(url, { method, headers, cache: 'no-store', body: body && JSON.stringify(body) });
	} catch {
		throw new Refusal(0, 'Caddy does not answer.');
	}
	const answer = await readAnswer(response);
	if (!response.ok) throw new Refusal(response.status, answer?.error || `Caddy answered with status ${response.status}.`);
	return { answer, etag: response.headers.get('Etag') };
}

async function readAnswer(response) {
	const text = await response.text();
	try {
		return text ? JSON.parse(text) : null;
	} catch {
		return null;
	}
}

export const get = async (url) => (await call('GET', url)).answer;

export const listPools = () => get(base);
