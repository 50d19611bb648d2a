// Draws a series as a small line that moves.

import { h } from './dom.js';
import { length } from './series.js';

const width = 120;
const height = 28;
const step = width / (length - 2);
const calm = matchMedia('(prefers-reduced-motion: reduce)');

export class Spark {
	constructor(label) {
		this.area = h('polygon', { class: 'area' });
		this.line = h('polyline', { class: 'line' });
		this.group = h('g', {}, this.area, this.line);
		this.element = h('svg', {
			viewBox: `0 0 ${width} ${height}`, class: 'spark', preserveAspectRatio: 'none', role: 'img', 'aria-label': label,
		}, this.group);
	}

	// draw shows a series. least is the value whose line is as high as the drawing even if no value
	// is, so that little noise looks little. With move the line glides by a second.
	draw(series, least, move) {
		const scale = (height - 3) / Math.max(series.max(), least);
		const points = [];
		for (let i = 0; i < length; i++) {
			points.push(`${(i * step).toFixed(1)},${(height - 1 - series.at(i) * scale).toFixed(1)}`);
		}
		const line = points.join(' ');
		if (line === this.drawn) return;
		this.drawn = line;
		this.line.setAttribute('points', line);
		this.area.setAttribute('points', `0,${height} ${line} ${((length - 1) * step).toFixed(1)},${height}`);
		if (move && !calm.matches) this.glide();
	}

	glide() {
		this.motion?.cancel();
		this.motion = this.group.animate(
			[{ transform: 'translateX(0)' }, { transform: `translateX(${-step}px)` }],
			{ duration: 1000, easing: 'linear', fill: 'forwards' },
		);
	}
}
