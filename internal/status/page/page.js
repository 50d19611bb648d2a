// The live page: chooses a pool, and follows it for as long as the page is visible.

import { get, listPools, poolURL } from './api.js';
import { h } from './dom.js';
import { Pool } from './model.js';
import { Nav } from './nav.js';
import { startKeys, startTheme } from './settings.js';
import { Stream } from './stream.js';
import { View } from './view.js';

const retryAfter = 2000;
const refreshAfter = 150; // gathers changes that come together

const main = document.getElementById('main');
const connection = document.getElementById('connection');
const nav = new Nav(document.getElementById('pools'));
const view = new View();

let pool = null;
let stream = null;
let timer = 0;
let turn = 0; // rises with each start, so that late answers of an earlier one are dropped

function setConnection(state, text) {
	connection.dataset.state = state;
	if (connection.textContent !== text) connection.textContent = text;
}

function showEmpty(title, text) {
	main.replaceChildren(h('div', { class: 'empty' }, h('h2', {}, title), h('p', {}, text)));
}

function stop() {
	turn++;
	stream?.close();
	stream = null;
	clearTimeout(timer);
}

// start reads what is there, and then follows what changes.
async function start() {
	stop();
	if (document.hidden) return; // nothing runs while the page is not seen
	const mine = turn;
	try {
		const pools = await listPools();
		if (mine !== turn) return;
		const gone = nav.names.filter((name) => !pools.some((p) => p.name === name));
		nav.take({ pools, removed: gone });
		const name = chosen(pools);
		if (name === undefined) {
			showEmpty('No pools', 'No config has a pool. Add "dynamic pool <name>" to a reverse_proxy, and it appears here.');
			setConnection('live', 'Live');
			timer = setTimeout(start, retryAfter);
		} else {
			await follow(name, mine);
		}
	} catch (error) {
		if (mine === turn) lost(error.message);
	}
}

function lost(text) {
	setConnection('lost', text || 'Connection lost');
	clearTimeout(timer);
	timer = setTimeout(start, retryAfter);
}

function chosen(pools) {
	const wanted = location.hash.slice(1);
	return (pools.find((p) => encodeURIComponent(p.name) === wanted) ?? pools[0])?.name;
}

async function follow(name, mine) {
	if (pool?.name !== name) pool = new Pool(name);
	nav.mark(name);
	document.title = `${name} \u2013 Pools`;
	const [status, history] = await Promise.all([get(poolURL(name)), get(poolURL(name, '/history'))]);
	if (mine !== turn) return;
	pool.describe(status);
	history.forEach((entry) => pool.noteChange(entry));
	view.history.fill(history);
	view.describe(pool);
	if (view.element.parentNode !== main) main.replaceChildren(view.element);
	stream = new Stream(name, status.revision, {
		onOpen: () => setConnection('live', 'Live'),
		onFigures: (event) => takeFigures(event),
		onPool: (event) => pool.takeParts(event),
		onPools: (event) => takePools(event),
		onChange: (entry) => takeChange(entry),
		onLost: () => setConnection('lost', 'Connecting again'),
		onRetry: start,
	});
}

function takeFigures(event) {
	if (pool.take(event)) refreshSoon();
	view.show(!event.columns);
}

function takePools(event) {
	nav.take(event);
	const shown = event.pools?.find((p) => p.name === pool.name);
	if (!shown) return;
	pool.usable = shown.usable;
	if (shown.mode !== pool.status.mode) refreshSoon();
}

function takeChange(entry) {
	pool.noteChange(entry);
	view.history.add(entry);
	refreshSoon();
}

let refreshing = 0;

function refreshSoon() {
	refreshing ||= setTimeout(refresh, refreshAfter);
}

// refresh reads the state of the pool again, because more than figures has changed.
async function refresh() {
	refreshing = 0;
	const mine = turn;
	try {
		const status = await get(poolURL(pool.name));
		if (mine !== turn) return;
		pool.describe(status);
		view.describe(pool);
	} catch {
		// The stream notices that, too.
	}
}

startTheme(document.getElementById('theme'));
startKeys(document.getElementById('keys'), {
	onSearch: () => { view.tabs.open(0); view.list.search.focus(); },
	onTab: (i) => view.tabs.open(i),
	onPool: (step) => {
		const names = nav.names;
		if (names.length > 0) location.hash = encodeURIComponent(names[(names.indexOf(pool?.name) + step + names.length) % names.length]);
	},
});
document.addEventListener('visibilitychange', () => (document.hidden ? stop() : start()));
addEventListener('hashchange', start);
addEventListener('pagehide', stop);
addEventListener('pageshow', (event) => event.persisted && start());
start();
