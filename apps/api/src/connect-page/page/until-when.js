import { paragraph } from './elements.js';
import { state } from './state.js';

/** Says until when the session can be finished. */
export const untilWhen = () =>
  paragraph(
    `This page works until ${new Date(state.session.expiresAt).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })}.`,
  );
