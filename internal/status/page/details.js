// Everything that is known of one endpoint.

import { endpointURL, get, mayControl } from './api.js';
import { confirmEnd, confirmOverride, confirmReset, confirmWeight, overrideStates, verb } from './actions.js';
import { openDialog, tell } from './dialog.js';
import { h, nothing } from './dom.js';
import { ago, count, moment, parseTime, percent, rate, seconds, weight } from './format.js';
import { badge, endpointState } from './states.js';

const refreshEvery = 2000;

// showDetails opens a dialog that follows an endpoint of the pool model.
export async function showDetails(pool, endpoint) {
	const facts = h('div', { class: 'facts' });
	let last;
	const refresh = async () => {
		last = await get(endpointURL(pool.name, endpoint.address));
		facts.replaceChildren(...describe(last, pool, pool.endpoints.get(endpoint.address) ?? endpoint));
	};
	try {
		await refresh();
	} catch (error) {
		tell(error.message, { tone: 'bad' });
		return;
	}
	const timer = setInterval(() => refresh().catch(() => {}), refreshEvery);
	openDialog(endpoint.address, h('div', {}, facts, mayControl && buttons(pool.name, endpoint.address, () => last)),
		{ wide: true, onClose: () => clearInterval(timer) });
}

function buttons(pool, address, status) {
	const button = (title, run, key) => h('button', { type: 'button', 'data-action': key, onclick: run }, title);
	return h('div', { class: 'buttons start' },
		overrideStates.map((state) => button(verb(state), () => confirmOverride(pool, address, state), state)),
		button('Set weight', () => confirmWeight(pool, address, status().override?.weight ?? status().weight), 'weight'),
		button('End override', () => (status().override ? confirmEnd(pool, address) : tell(`${address} has no override.`)), 'end'),
		button('Forget', () => confirmReset(pool, address), 'reset'));
}

function describe(status, pool, endpoint) {
	const { load, check, ejection, override } = status;
	const changed = pool.changedAt(endpoint);
	return [
		group('State', [
			['State', badge(endpointState(status.state))],
			['Why', status.reason],
			['Since', status.since && when(parseTime(status.since))],
			['New requests', status.usable ? 'yes' : 'no'],
			['Group', status.groups?.join(', ')],
			['No group', status.ungrouped && 'it gets no requests by groups'],
			['Last change', changed && when(changed)],
		]),
		override && group('Override', [
			['State', override.state], ['Weight', override.weight], ['Reason', override.reason], ['By', override.by],
			['Since', when(parseTime(override.since))], ['Until', override.until ? when(parseTime(override.until)) : 'it is ended'],
		]),
		group('Traffic', [
			['Share', percent(endpoint.share)], ['Requests/s', rate(endpoint.rate)], ['Errors', percent(endpoint.errors)],
			['p50 / p99', `${seconds(endpoint.p50)} / ${seconds(endpoint.p99)}`],
			['In flight', `${count(load.in_flight)}, of them ${count(load.waiting)} waiting, ${count(load.parked ?? 0)} parked`],
			['Adaptive limit', status.adaptive_limit],
			['Relative time', `${load.relative_time.toFixed(2)} \u00d7 the usual (certainty ${percent(load.certainty)})`],
			['Signs of sickness', `${load.surprise.toFixed(1)} of 8`],
			['Broken connections', count(load.broken_connections)],
			['Sessions', status.sessions !== undefined && count(status.sessions)],
		]),
		group('Weight', [['In force', weight(status.effective_weight)], ['Because', list(status.weight_reasons)]]),
		check && group('Checks', check.probes.map((probe) => [probe.name, probeText(probe)])),
		ejection && group('Ejection', [
			['Times', count(ejection.times)], ['Reason', ejection.reason],
			['Since', when(parseTime(ejection.since))], ['Until', when(parseTime(ejection.until))],
		]),
		group('From its source', [
			['Source', status.source && `${status.source.position}. ${status.source.name}`], ['Id', status.id], ['Zone', status.zone],
			['Priority', status.priority], ['Limit', status.effective_max_requests],
			...Object.entries(status.metadata ?? {}).map(([key, value]) => [key, value]),
		]),
	].filter(Boolean);
}

const when = (time) => `${moment(time)} (${ago(time)})`;
const list = (texts) => h('ul', {}, texts.map((text) => h('li', {}, text)));

function probeText(probe) {
	if (!probe.checked) return 'not checked yet';
	const text = `${probe.passes ? 'passes' : 'fails'} since ${when(parseTime(probe.since))}`;
	return probe.last_failure ? `${text}; last failure: ${probe.last_failure}` : text;
}

function group(title, rows) {
	const shown = rows.filter(([, value]) => value !== undefined && value !== null && value !== '' && value !== 0 && value !== false);
	if (shown.length === 0) return null;
	return h('section', {}, h('h3', {}, title),
		h('dl', {}, shown.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value ?? nothing)))));
}
