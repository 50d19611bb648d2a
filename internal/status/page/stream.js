// Follows the events of one pool while the page is visible.

import { poolURL } from './api.js';

const kinds = ['membership', 'state', 'override', 'control', 'config'];
const retryAfter = 2000;

export class Stream {
	#source = null;
	#retry = 0;

	// The handlers are onOpen, onFigures, onPools, onPool, onChange and onLost.
	constructor(pool, after, handlers) {
		this.pool = pool;
		this.after = after;
		this.handlers = handlers;
		this.#open();
	}

	#open() {
		const url = poolURL(this.pool, `/events?figures=1s&after=${this.after}`);
		const source = new EventSource(url);
		this.#source = source;
		source.onopen = () => this.handlers.onOpen();
		source.onerror = () => this.#lost(source);
		source.addEventListener('figures', (e) => this.handlers.onFigures(JSON.parse(e.data)));
		source.addEventListener('pools', (e) => this.handlers.onPools(JSON.parse(e.data)));
		source.addEventListener('pool', (e) => this.handlers.onPool(JSON.parse(e.data)));
		for (const kind of kinds) {
			source.addEventListener(kind, (e) => this.handlers.onChange(JSON.parse(e.data)));
		}
	}

	// A browser connects again by itself, but not after an answer that is no stream.
	#lost(source) {
		source.close();
		this.handlers.onLost();
		clearTimeout(this.#retry);
		this.#retry = setTimeout(() => this.handlers.onRetry(), retryAfter);
	}

	close() {
		clearTimeout(this.#retry);
		this.#source?.close();
	}
}
