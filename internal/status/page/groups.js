// The groups of the policy split: what each should get, what it gets, and what decides that.

import { h, setAttribute, setText } from './dom.js';
import { ago, clock, count, parseTime, percent, plural } from './format.js';
import { badge, groupGuard, icon, setBadge } from './states.js';

const heads = [['Group'], ['Share'], ['Now', 'number'], ['Usable', 'number'], ['Step', 'step'], ['Guard', 'guard']];

export class Groups {
	#rows = [];

	// actions are setShare and endShare, which are called with a group; null without control.
	constructor(actions) {
		this.actions = actions;
		this.body = h('tbody');
		this.warning = h('p', { class: 'warning', hidden: true }, icon('triangle'), h('span'));
		this.table = h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-labelledby': 'groups-title' },
			h('table', { class: 'groups' }, h('caption', { class: 'hidden' }, 'Groups of endpoints'),
				h('thead', {}, h('tr', {}, heads.map(([title, kind]) => h('th', { scope: 'col', class: kind }, title)),
					actions && h('th', { scope: 'col', class: 'action' }, h('span', { class: 'hidden' }, 'Action')))), this.body));
		this.element = h('div', { class: 'split', hidden: true }, h('h3', { id: 'groups-title' }, 'Groups'),
			this.table, this.warning);
	}

	// show shows the groups. now returns the part of recent picks that a group had, null if that is
	// not known.
	show({ groups = [], ungrouped = 0 }, now) {
		this.element.hidden = groups.length === 0;
		setAttribute(this.table, 'data-without', without(groups));
		this.warning.hidden = !ungrouped;
		setText(this.warning.lastChild, `${plural(ungrouped, 'endpoint is', 'endpoints are')} in no group and ${ungrouped === 1 ? 'gets' : 'get'} no requests.`);
		while (this.#rows.length > groups.length) this.#rows.pop().element.remove();
		while (this.#rows.length < groups.length) this.#add();
		groups.forEach((group, i) => this.#fill(this.#rows[i], group, now(group)));
	}

	#add() {
		const row = {
			name: h('span'), share: h('span'), fill: h('span'), why: h('span', { class: 'note' }), config: h('span', { class: 'note' }), now: h('td', { class: 'number' }),
			usable: h('td', { class: 'number' }), step: h('td', { class: 'step' }), guard: badge(groupGuard('content')),
		};
		row.rest = h('span', { class: 'note' });
		row.element = h('tr', {}, h('th', { scope: 'row' }, row.name, row.rest),
			h('td', {}, h('span', { class: 'share' }, h('span', { class: 'bar', 'aria-hidden': 'true' }, row.fill), row.share), row.why, row.config),
			row.now, row.usable, row.step, h('td', { class: 'guard' }, row.guard));
		if (this.actions) {
			row.set = h('button', { type: 'button', class: 'small', onclick: () => this.actions.setShare(row.group) }, 'Set share');
			row.end = h('button', { type: 'button', class: 'small', onclick: () => this.actions.endShare(row.group) }, 'Use config');
			row.element.append(h('td', { class: 'action' }, row.set, row.end));
		}
		this.#rows.push(row);
		this.body.append(row.element);
	}

	#fill(row, group, now) {
		const { set } = group;
		row.group = group;
		setAttribute(row.element, 'data-group', group.name);
		setText(row.name, group.name);
		setText(row.rest, group.default ? 'gets what the others leave' : '');
		setText(row.share, points(group.share));
		row.fill.style.width = `${group.share}%`;
		setText(row.why, set ? `set by ${set.by || 'an operator'}, ${ago(parseTime(set.since))}${set.reason ? `: ${set.reason}` : ''}` : '');
		setText(row.config, set ? `by the config: ${points(group.configured)}` : '');
		setText(row.now, percent(now));
		setText(row.usable, `${count(group.usable)} of ${count(group.endpoints)}`);
		row.usable.className = group.usable === 0 ? 'number bad' : 'number';
		setText(row.step, stepOf(group.step));
		row.guard.hidden = !group.guard;
		if (group.guard) setBadge(row.guard, groupGuard(group.guard));
		if (!this.actions) return;
		row.set.hidden = Boolean(group.default);
		row.end.hidden = !set;
		setAttribute(row.set, 'aria-label', `Set share of ${group.name}`);
		setAttribute(row.end, 'aria-label', `Use config for ${group.name}`);
	}
}

// without names the columns that no group has a value for.
function without(groups) {
	return [!groups.some((g) => g.step) && 'step', !groups.some((g) => g.guard) && 'guard'].filter(Boolean).join(' ');
}

const points = (n) => `${n} %`;

function stepOf(step) {
	if (!step) return '';
	const since = parseTime(step.since);
	return `${step.number} of ${step.of}${since > 0 ? `, since ${clock(since)}` : ''}`;
}
