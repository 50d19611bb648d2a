// What an operator may do to the share of a group.

import { confirm, report } from './actions.js';
import { call, groupURL } from './api.js';
import { tell } from './dialog.js';
import { h } from './dom.js';

export function confirmShare(pool, group) {
	const share = h('input', {
		name: 'share', type: 'number', min: '0', max: '100', step: '0.01', required: true, value: group.share,
	});
	const reason = h('input', { name: 'reason', autocomplete: 'off', maxlength: '200', placeholder: 'Others will read it' });
	confirm(`Share of ${group.name}`, [
		h('p', {}, 'It replaces the share of the config, its steps included, over reloads and restarts. The default group gets what the others leave.'),
		h('label', {}, 'Share in percent', share), h('label', {}, 'Reason', reason)], 'Set share', async () => {
		const body = { share: Number(share.value), reason: reason.value.trim() };
		await call('PATCH', groupURL(pool, group.name), body);
		tell(`${group.name} gets ${share.value} % of the requests.`, { action: 'Undo', run: () => undo(pool, group) });
	});
}

export function confirmConfigShare(pool, group) {
	confirm(`Use the share of the config for ${group.name}?`,
		[h('p', {}, `The config says ${group.configured} %, and steps go on from there.`)], 'Use config', async () => {
			await call('DELETE', groupURL(pool, group.name, '/share'));
			tell(`The share of ${group.name} is that of the config.`, { action: 'Undo', run: () => undo(pool, group) });
		});
}

// undo restores what was set for a group before.
const undo = (pool, group) => report(async () => {
	if (group.set) {
		await call('PATCH', groupURL(pool, group.name), { share: group.set.share ?? 0, reason: group.set.reason ?? '' });
	} else {
		await call('DELETE', groupURL(pool, group.name, '/share'));
	}
	tell(`Undone: ${group.name} gets ${group.share} % of the requests.`);
});
