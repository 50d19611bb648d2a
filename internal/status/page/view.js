// The view of one pool.

import { mayControl } from './api.js';
import { confirmRollback, quickAction, release } from './actions.js';
import { showDetails } from './details.js';
import { h, setText } from './dom.js';
import { Explain } from './explain.js';
import { clock, parseTime } from './format.js';
import { Gauges } from './gauges.js';
import { Groups } from './groups.js';
import { History } from './history.js';
import { List } from './list.js';
import { newRoutes, newSources } from './routes.js';
import { confirmConfigShare, confirmShare } from './share_actions.js';
import { badge, poolMode, setBadge } from './states.js';
import { Tabs } from './tabs.js';
import { Tiles } from './tiles.js';

const reportsEvery = 3; // seconds between two looks at routes or sources

export class View {
	#ticks = 0;

	constructor() {
		this.title = h('h2', { id: 'title' });
		this.mode = badge(poolMode('healthy'));
		this.says = h('p', { class: 'says' });
		this.frozen = h('div', { class: 'banner', hidden: true });
		this.failures = h('ul', { class: 'failures', 'aria-label': 'Why checks fail', hidden: true });
		this.tiles = new Tiles();
		this.gauges = new Gauges();
		this.groups = new Groups(mayControl ? {
			setShare: (group) => confirmShare(this.pool.name, group),
			endShare: (group) => confirmConfigShare(this.pool.name, group),
		} : null);
		this.list = new List({
			onOpen: (endpoint) => showDetails(this.pool, endpoint),
			quickAction: mayControl ? quickAction(() => this.pool.name) : null,
		});
		this.history = new History((entry) => confirmRollback(this.pool.name, entry));
		this.routes = newRoutes();
		this.sources = newSources();
		this.explain = new Explain();
		const load = (report) => () => this.pool && report.load(this.pool.name);
		this.tabs = new Tabs([
			{ key: 'endpoints', title: 'Endpoints', element: this.list.element },
			{ key: 'events', title: 'Events', element: this.history.element },
			{ key: 'routes', title: 'Routes', element: this.routes.element, open: load(this.routes) },
			{ key: 'sources', title: 'Sources', element: this.sources.element, open: load(this.sources) },
			{ key: 'explain', title: 'Explain', element: this.explain.element },
		]);
		this.element = h('div', { class: 'pool' },
			h('div', { class: 'heading' }, this.title, this.mode), this.says, this.frozen, this.failures,
			this.tiles.element, this.gauges.element, this.groups.element, this.tabs.element);
	}

	// describe shows the state of a pool, which has just been read.
	describe(pool) {
		const { status } = pool;
		this.pool = pool;
		setText(this.title, pool.name);
		setBadge(this.mode, poolMode(status.mode));
		setText(this.says, [poolMode(status.mode).says, status.mode_since && `Since ${clock(parseTime(status.mode_since))}.`].filter(Boolean).join(' '));
		this.#showFrozen(status.frozen);
		this.failures.hidden = !status.failures?.length;
		this.failures.replaceChildren(...(status.failures ?? []).slice(0, 3).map((f) => h('li', {}, `${f.endpoints} \u00d7 ${f.reason}`)));
		this.explain.show(pool.name);
		this.show(false);
	}

	#showFrozen(frozen) {
		this.frozen.hidden = !frozen;
		if (!frozen) return;
		this.frozen.replaceChildren(
			h('p', {}, `The list is frozen at revision ${frozen.revision}, whatever the sources say.`,
				frozen.by && ` By ${frozen.by}.`, frozen.reason && ` ${frozen.reason}`),
			mayControl ? h('button', { type: 'button', onclick: () => release(this.pool.name) }, 'Follow the sources again') : '');
	}

	// show shows the figures. ticked says that a second has passed.
	show(ticked) {
		this.tiles.show(this.pool, ticked);
		this.gauges.show(this.pool.parts);
		this.groups.show(this.pool.parts, (group) => this.pool.shareNow(group));
		if (this.tabs.key === 'endpoints') this.list.show(this.pool, ticked);
		if (ticked && ++this.#ticks % reportsEvery === 0) {
			if (this.tabs.key === 'routes') this.routes.load(this.pool.name);
			if (this.tabs.key === 'sources') this.sources.load(this.pool.name);
		}
	}
}
