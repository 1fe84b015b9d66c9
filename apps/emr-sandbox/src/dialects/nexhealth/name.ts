export const NAME = 'nexhealth';
