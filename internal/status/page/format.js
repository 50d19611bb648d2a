// Writes numbers and times for people.

import { nothing } from './dom.js';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export const count = (n) => whole.format(n);

const fraction = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });

export const weight = (n) => fraction.format(n);

// rate writes a number per second with at most three digits that matter.
export function rate(perSecond) {
	if (!perSecond) return '0';
	if (perSecond < 0.1) return '<0.1';
	if (perSecond < 10) return perSecond.toFixed(1);
	if (perSecond < 10_000) return whole.format(perSecond);
	return `${(perSecond / 1000).toFixed(perSecond < 100_000 ? 1 : 0)}k`;
}

export function percent(share) {
	if (share === null || Number.isNaN(share)) return nothing;
	if (share === 0) return '0 %';
	if (share < 0.001) return '<0.1 %';
	return `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`;
}

// seconds writes a time that requests take.
export function seconds(s) {
	if (!s) return nothing;
	if (s < 0.001) return '<1 ms';
	if (s < 0.01) return `${(s * 1000).toFixed(1)} ms`;
	if (s < 1) return `${Math.round(s * 1000)} ms`;
	return `${s.toFixed(s < 10 ? 2 : 0)} s`;
}

const units = [['d', 86_400_000], ['h', 3_600_000], ['min', 60_000], ['s', 1000]];

// ago writes how long something is past, or still to come.
export function ago(time, now = Date.now()) {
	if (!time) return nothing;
	const past = now - time;
	const size = Math.abs(past);
	if (size < 5000) return 'now';
	const [unit, length] = units.find(([, l]) => size >= l);
	const text = `${Math.floor(size / length)} ${unit}`;
	return past >= 0 ? `${text} ago` : `in ${text}`;
}

const stamp = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const clockFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

export const moment = (time) => (time ? stamp.format(time) : nothing);

// clock writes the time of day, and the day unless it is today.
export function clock(time) {
	return new Date(time).toDateString() === new Date().toDateString() ? clockFormat.format(time) : stamp.format(time);
}

// parseTime reads a time of the API; undefined if there is none.
export function parseTime(text) {
	const time = Date.parse(text);
	return Number.isNaN(time) ? undefined : time;
}

export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
